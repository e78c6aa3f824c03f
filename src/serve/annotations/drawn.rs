//! The slide that marks were drawn on, and whether another one is the same.

use serde::{Deserialize, Serialize};

/// Most identities that are remembered of a slide. Each encode adds one; the first ones stay.
const MAX_SOURCES: usize = 16;

/// What a slide is to its marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// What identifies the source of its pixels, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    source: Option<String>,
    /// What else does: a bundle knows the tree that it was made of, the slide that the tree was made of, and its own contents.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    also: Vec<String>,
}

impl Drawn {
    /// A slide of this size, and all that identifies it, what is nearest to its pixels' source first; nothing where that is not known.
    pub fn new(width: u32, height: u32, sources: Vec<String>) -> Self {
        let mut also = sources.into_iter();
        Self { width, height, source: also.next(), also: also.collect() }
    }

    /// All that identifies it.
    fn sources(&self) -> impl Iterator<Item = &String> {
        self.source.iter().chain(&self.also)
    }

    /// Whether marks of this one belong on `other` without a question: the size is the same, and so is something that identifies both. If
    /// nothing is known of either source, the size decides: a question would come again each time. If one is known and the other is not, they
    /// may be two slides.
    pub fn is_same(&self, other: &Self) -> bool {
        let is_known = |slide: &Self| slide.sources().next().is_some();
        let share = self.sources().any(|own| other.sources().any(|of| of == own));
        (self.width, self.height) == (other.width, other.height)
            && (share || !(is_known(self) || is_known(other)))
    }

    /// Adds what else identifies it, of one that is the same.
    pub fn learn(&mut self, same: &Self) {
        for source in same.sources() {
            if self.sources().count() < MAX_SOURCES && self.sources().all(|own| own != source) {
                self.also.push(source.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sources: &[&str]) -> Drawn {
        Drawn::new(300, 200, sources.iter().map(|source| (*source).to_string()).collect())
    }

    #[test]
    fn a_slide_is_the_same_where_size_and_source_are_known_to_be() {
        let (file, tree) = ("file-1-ab", "tree-1-ac");
        assert!(of(&[file]).is_same(&of(&[file])));
        // A bundle of a tree that was made of the slide; encoded again; decoded to a tree.
        assert!(of(&[file]).is_same(&of(&[tree, file, "c0"])));
        assert!(of(&[tree, file, "c0"]).is_same(&of(&[tree, file, "c1"])));
        assert!(of(&[file, "c0"]).is_same(&of(&["c0"])));
        assert!(!of(&[file]).is_same(&of(&["file-1-ac"])));
        // A file and a tree that know nothing of each other are two slides, as far as anyone can tell.
        assert!(!of(&[file]).is_same(&of(&[tree])) && !of(&[tree]).is_same(&of(&[file])));
        for (width, height) in [(200, 300), (300, 201)] {
            assert!(!of(&[file]).is_same(&Drawn::new(width, height, vec![file.into()])));
            assert!(!of(&[]).is_same(&Drawn::new(width, height, Vec::new())));
        }
    }

    #[test]
    fn where_nothing_is_known_of_either_source_the_size_decides() {
        assert!(of(&[]).is_same(&of(&[])));
        assert!(!of(&[]).is_same(&of(&["file-1-ab"])) && !of(&["file-1-ab"]).is_same(&of(&[])));
    }

    #[test]
    fn what_is_learned_of_a_slide_is_kept_once_and_within_a_bound() {
        let mut slide = of(&["a"]);
        slide.learn(&of(&["b", "a"]));
        assert_eq!(slide, of(&["a", "b"]));
        for number in 0..100 {
            slide.learn(&of(&[&number.to_string()]));
        }
        assert_eq!(slide.sources().count(), MAX_SOURCES);
        assert!(slide.is_same(&of(&["a"])));
    }

    #[test]
    fn a_slide_is_written_as_before_where_one_thing_identifies_it() {
        let text = r#"{"width":300,"height":200,"source":"file-1-ab"}"#;
        assert_eq!(serde_json::to_string(&of(&["file-1-ab"])).unwrap(), text);
        assert_eq!(serde_json::from_str::<Drawn>(text).unwrap(), of(&["file-1-ab"]));
        assert_eq!(serde_json::from_str::<Drawn>(r#"{"width":300,"height":200}"#).unwrap(), of(&[]));
    }
}
