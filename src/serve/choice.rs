//! Which slides of the list are asked for, and in which order: the query of `/api/slides`.
//!
//! Knows no files: names and times come from the listing, so that no slide is read for a page that it is not on.

use crate::web::error::ServeError;

/// Most slides of a page.
const MAX_LIMIT: usize = 500;
/// Most bytes of what is searched for.
const MAX_SEARCH_BYTES: usize = 1024;

/// The order of slides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By name.
    #[default]
    Name,
    /// By folder, and within one by name.
    Folder,
    /// By the time of the last change of their files, and of equal times by name.
    Date,
}

/// A choice among all slides. The default is all of them, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// A part of the name, in lower case.
    search: String,
    order: Order,
    reverse: bool,
    /// Number of the first slide.
    offset: usize,
    /// Most slides; `None` for all.
    limit: Option<usize>,
}

impl Choice {
    /// Reads `limit`, `offset`, `sort` and `search`. Other keys are ignored.
    ///
    /// # Errors
    /// A value that is not understood.
    pub fn parse(query: &str) -> Result<Self, ServeError> {
        let mut choice = Self::default();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match key {
                "limit" => {
                    let limit = number(value).filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    let says =
                        || wrong(key, value, &format!("give a number of slides from 1 to {MAX_LIMIT}"));
                    choice.limit = Some(limit.ok_or_else(says)?);
                }
                "offset" => {
                    choice.offset = number(value)
                        .ok_or_else(|| wrong(key, value, "give the number of slides to leave out"))?;
                }
                "sort" => {
                    let (order, reverse) =
                        value.strip_prefix('-').map_or((value, false), |order| (order, true));
                    choice.order = match order {
                        "name" => Order::Name,
                        "folder" => Order::Folder,
                        "date" => Order::Date,
                        _ => {
                            return Err(wrong(
                                key,
                                value,
                                "give name, folder or date, with - before it for the reverse",
                            ));
                        }
                    };
                    choice.reverse = reverse;
                }
                "search" => {
                    let text = decoded(value).filter(|text| text.len() <= MAX_SEARCH_BYTES);
                    let says = || {
                        wrong(
                            key,
                            value,
                            &format!("give up to {MAX_SEARCH_BYTES} bytes of percent-encoded UTF-8"),
                        )
                    };
                    choice.search = text.ok_or_else(says)?.to_lowercase();
                }
                _ => {}
            }
        }
        Ok(choice)
    }

    /// Whether only a part of the list is asked for.
    pub fn is_page(&self) -> bool {
        self.limit.is_some()
    }

    /// Most slides of the answer.
    pub fn most(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// The number of the first slide of the next page of a list of `total`.
    pub fn next(&self, total: usize) -> Option<usize> {
        self.offset.checked_add(self.limit?).filter(|&next| next < total)
    }

    /// The slides that are chosen of `all`, which are sorted by name, and how many there would be without a limit. `facts` are the name and
    /// the time of the last change of one.
    pub fn of<T>(&self, all: Vec<T>, facts: impl Fn(&T) -> (&str, u64)) -> (Vec<T>, usize) {
        let mut found = all;
        if !self.search.is_empty() {
            found.retain(|one| facts(one).0.to_lowercase().contains(&self.search));
        }
        let folder = |name: &str| name.rfind('/').unwrap_or(0);
        match self.order {
            Order::Name => {}
            Order::Folder => found.sort_by(|a, b| {
                let (a, b) = (facts(a).0, facts(b).0);
                (&a[..folder(a)], a).cmp(&(&b[..folder(b)], b))
            }),
            // A stable sort keeps the order by name.
            Order::Date => found.sort_by_key(|one| facts(one).1),
        }
        if self.reverse {
            found.reverse();
        }
        let total = found.len();
        let limit = self.limit.unwrap_or(usize::MAX);
        (found.into_iter().skip(self.offset).take(limit).collect(), total)
    }
}

fn wrong(key: &str, value: &str, how: &str) -> ServeError {
    ServeError::Bad(format!("{key} '{value}': {how}"))
}

fn number(text: &str) -> Option<usize> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A value of a query, in which `+` is a space.
pub fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits =
                    std::str::from_utf8(&digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
                u8::from_str_radix(digits, 16).ok()?
            }
            _ => byte,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> (Vec<&'static str>, usize) {
        let all = vec![("B", 3), ("a", 1), ("b/y", 2), ("b/z/x", 5), ("b/z y", 2), ("c d", 4)];
        let (found, total) = Choice::parse(query).unwrap().of(all, |one| (one.0, one.1));
        (found.into_iter().map(|one| one.0).collect(), total)
    }

    #[test]
    fn a_list_is_searched_sorted_and_cut_into_pages() {
        let by_name = ["B", "a", "b/y", "b/z/x", "b/z y", "c d"];
        assert_eq!(of("x=1&annotate=1"), (by_name.to_vec(), 6));
        assert_eq!(of("sort=folder").0, ["B", "a", "c d", "b/y", "b/z y", "b/z/x"]);
        assert_eq!(of("sort=date").0, ["a", "b/y", "b/z y", "B", "c d", "b/z/x"]);
        assert_eq!(of("sort=-date").0, ["b/z/x", "c d", "B", "b/z y", "b/y", "a"]);
        assert_eq!(of("search=B%2F"), (vec!["b/y", "b/z/x", "b/z y"], 3));
        assert_eq!(of("search=c+D").0, ["c d"]);
        assert_eq!(of("search=none"), (vec![], 0));
        assert_eq!(of("limit=2&offset=1"), (vec!["a", "b/y"], 6));
        assert_eq!(of("limit=2&offset=99"), (vec![], 6));
        let next = |query: &str| Choice::parse(query).unwrap().next(6);
        assert_eq!(
            [next(""), next("limit=2"), next("limit=2&offset=4"), next("limit=6")],
            [None, Some(2), None, None]
        );
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for query in [
            "limit=0",
            "limit=501",
            "limit=-1",
            "limit=",
            "offset=x",
            "offset=99999999999999999999",
            "sort=size",
            "sort=--name",
            "search=%",
            "search=%f",
            "search=%zz",
            "search=%ff",
            "search=%+1",
        ] {
            let (key, _) = query.split_once('=').unwrap();
            let error = Choice::parse(query).unwrap_err().to_string();
            assert!(error.starts_with(key), "{query}: {error}");
        }
    }
}
