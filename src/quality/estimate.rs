//! What a sample says of a whole slide: which families to measure, and totals with their confidence intervals.
//!
//! Families differ by orders of magnitude, because glass lies beside tissue. A few large ones that a plain random sample
//! misses would decide its error. So the sample is stratified by a size that is known of every family. The bounds of the
//! strata are a geometric progression (Gunning and Horgan, "A new algorithm for the construction of stratum boundaries in
//! skewed populations", Survey Methodology 30(2), 2004), so that the largest family of each is larger than the smallest by
//! the same factor. Each stratum is drawn from in proportion to its aggregate size, which is Neyman's allocation for strata
//! of equal relative spread (Cochran, "Sampling Techniques", 3rd ed. 1977, section 5.5). Knows numbers only: no pixels, no
//! files.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::Hash;
use std::ops::Add;

use xxhash_rust::xxh3::xxh3_64;

/// Strata of a sample.
const STRATA: usize = 12;
/// Families that are drawn from a stratum at least: enough for a variance with three degrees of freedom.
const LEAST_DRAWN: usize = 4;
/// Added to each size, as a part of the mean size: glass has next to no content, but its families have bytes as well.
const LEAST_SIZE: f64 = 0.25;

/// How sure it is that an interval holds the true value.
pub const CONFIDENCE: f64 = 0.99;

/// A value and where the true one lies, with [`CONFIDENCE`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// The estimate.
    pub value: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// A value that is known.
    pub fn exact(value: f64) -> Self {
        Self { low: value, value, high: value }
    }

    /// Whether `value` lies within it.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Its ends and its value, each through a function that rises or falls throughout.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        let (a, b) = (f(self.low), f(self.high));
        Self { low: a.min(b), value: f(self.value), high: a.max(b) }
    }
}

/// An estimated sum and its variance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Total {
    value: f64,
    /// The part that was measured itself: the sum is not lower.
    measured: f64,
    variance: f64,
    /// Sum of squared variances of the parts, each divided by its degrees of freedom (Satterthwaite).
    squares: f64,
}

impl Total {
    /// A sum that is known.
    pub fn exact(value: f64) -> Self {
        Self { value, measured: value, ..Self::default() }
    }

    /// A part of a sum: the values of some of `of` members that were drawn at random.
    fn of_part(values: &[f64], of: usize) -> Self {
        let (n, of) = (values.len() as f64, of as f64);
        let measured: f64 = values.iter().sum();
        let mean = measured / n;
        if values.len() as f64 >= of {
            return Self::exact(measured);
        }
        let deviations: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let freedom = (n - 1.0).max(1.0);
        // Of a finite population: none is left to vary where all were drawn.
        let variance = of * of * (1.0 - n / of) * deviations / freedom / n;
        Self { value: of * mean, measured, variance, squares: variance * variance / freedom }
    }

    /// The sum with its interval.
    pub fn interval(&self) -> Interval {
        if self.variance <= 0.0 {
            return Interval::exact(self.value);
        }
        let half = student_t_99(self.variance * self.variance / self.squares) * self.variance.sqrt();
        let low = (self.value - half).max(self.measured).min(self.value);
        Interval { low, value: self.value, high: self.value + half }
    }
}

impl Add for Total {
    type Output = Self;

    /// The sum of two sums that were estimated independently.
    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            measured: self.measured + other.measured,
            variance: self.variance + other.variance,
            squares: self.squares + other.squares,
        }
    }
}

/// The 99.5th percentile of Student's t distribution, so that 99% lie within plus and minus it. Rounded up between table
/// entries.
fn student_t_99(freedom: f64) -> f64 {
    const TABLE: [(f64, f64); 12] = [
        (60.0, 2.660),
        (40.0, 2.704),
        (30.0, 2.750),
        (20.0, 2.845),
        (15.0, 2.947),
        (12.0, 3.055),
        (10.0, 3.169),
        (8.0, 3.355),
        (6.0, 3.707),
        (5.0, 4.032),
        (4.0, 4.604),
        (3.0, 5.841),
    ];
    TABLE.iter().find(|(from, _)| freedom >= *from).map_or(9.925, |(_, t)| *t)
}

/// Which families to measure, and how many each stands for.
#[derive(Clone, Debug)]
pub struct Design {
    strata: Vec<Stratum>,
}

#[derive(Clone, Debug)]
struct Stratum {
    families: usize,
    /// Indexes of the families to measure, ascending.
    drawn: Vec<usize>,
}

impl Design {
    /// Chooses about `max` of the families with these sizes. All are chosen if there are no more than a third above that,
    /// because the few that are left would cost less than the error that they cause. The same sizes give the same choice.
    pub fn new(sizes: &[f64], max: usize) -> Self {
        if 3 * sizes.len() <= 4 * max {
            return Self {
                strata: vec![Stratum { families: sizes.len(), drawn: (0..sizes.len()).collect() }],
            };
        }
        let members = stratify(sizes);
        let least = least_size(sizes);
        // Where nothing has a size, all families are alike.
        let size = |i: &usize| if least > 0.0 { sizes[*i] + least } else { 1.0 };
        let strata: Vec<_> =
            members.iter().map(|stratum| (stratum.len(), stratum.iter().map(size).sum())).collect();
        let counts = allocate(&strata, max);
        let stratum = |(members, count): (Vec<usize>, usize)| Stratum {
            families: members.len(),
            drawn: draw(members, count),
        };
        Self { strata: members.into_iter().zip(counts).map(stratum).collect() }
    }

    /// The families to measure, each with the number of families that it stands for.
    pub fn weights(&self) -> BTreeMap<usize, f64> {
        let weigh = |stratum: &Stratum| {
            let weight = stratum.families as f64 / stratum.drawn.len() as f64;
            stratum.drawn.iter().map(move |&i| (i, weight)).collect::<Vec<_>>()
        };
        self.strata.iter().flat_map(weigh).collect()
    }

    /// The sum over all families of what was measured of some: `value` gives it for every family of [`Self::weights`].
    pub fn total(&self, value: impl Fn(usize) -> f64) -> Total {
        let part = |stratum: &Stratum| {
            let values: Vec<f64> = stratum.drawn.iter().map(|&i| value(i)).collect();
            Total::of_part(&values, stratum.families)
        };
        self.strata.iter().map(part).fold(Total::default(), Add::add)
    }
}

/// What is added to each size.
fn least_size(sizes: &[f64]) -> f64 {
    LEAST_SIZE * sizes.iter().sum::<f64>() / sizes.len() as f64
}

/// The families of each stratum that has any, by the logarithm of their sizes.
fn stratify(sizes: &[f64]) -> Vec<Vec<usize>> {
    let least = least_size(sizes);
    let (low, high) = sizes.iter().fold((f64::MAX, 0.0f64), |(low, high), &s| (low.min(s), high.max(s)));
    let range = ((high + least) / (low + least)).ln();
    let mut strata = vec![Vec::new(); STRATA];
    for (i, size) in sizes.iter().enumerate() {
        let place = ((size + least) / (low + least)).ln() / range;
        // Where all sizes are equal, the place is no number and counts as 0.
        strata[((place * STRATA as f64) as usize).min(STRATA - 1)].push(i);
    }
    strata.retain(|stratum| !stratum.is_empty());
    strata
}

/// How many of about `max` to draw from each stratum, given its number of families and its aggregate size.
fn allocate(strata: &[(usize, f64)], max: usize) -> Vec<usize> {
    let mut counts = vec![None; strata.len()];
    loop {
        let taken: usize = counts.iter().flatten().sum();
        let open = || (0..strata.len()).filter(|&h| counts[h].is_none());
        let size: f64 = open().map(|h| strata[h].1).sum();
        let left = max.saturating_sub(taken) as f64;
        let wanted = |h: usize| ((left * strata[h].1 / size).round() as usize).max(LEAST_DRAWN);
        // A stratum that is drawn whole leaves the rest to the others.
        match open().find(|&h| wanted(h) >= strata[h].0) {
            Some(h) => counts[h] = Some(strata[h].0),
            None => return (0..strata.len()).map(|h| counts[h].unwrap_or_else(|| wanted(h))).collect(),
        }
    }
}

/// Draws `count` of some members, or all if there are no more: those whose indexes have the smallest hashes, which is as good
/// as at random and the same in every run.
pub fn draw(members: impl IntoIterator<Item = usize>, count: usize) -> Vec<usize> {
    let mut drawn: Vec<usize> = members.into_iter().collect();
    drawn.sort_by_cached_key(|&i| xxh3_64(&(i as u64).to_le_bytes()));
    drawn.truncate(count);
    drawn.sort_unstable();
    drawn
}

/// The sum over `sizes` of what was measured of some members: pairs of index and value, drawn without regard to sizes and values.
/// It follows the regression of the values on the sizes. The variance is that of the weighted residuals (Särndal, Swensson and
/// Wretman, "Model Assisted Survey Sampling", 1992, section 6.6), each enlarged by its leverage.
pub fn regression_total(sizes: &[f64], measured: &[(usize, f64)]) -> Total {
    let (n, of) = (measured.len() as f64, sizes.len() as f64);
    if measured.len() >= sizes.len() || measured.len() < 3 {
        return Total::of_part(&measured.iter().map(|(_, value)| *value).collect::<Vec<_>>(), sizes.len());
    }
    let sum = |value: &dyn Fn(f64, f64) -> f64| -> f64 {
        measured.iter().map(|&(i, measured)| value(sizes[i], measured)).sum()
    };
    let (x, y) = (sum(&|size, _| size) / n, sum(&|_, value| value) / n);
    let xx = sum(&|size, _| (size - x).powi(2)).max(f64::MIN_POSITIVE);
    let slope = sum(&|size, value| (size - x) * (value - y)) / xx;
    let off = sizes.iter().sum::<f64>() / of - x;
    let residual = |size: f64, value: f64| {
        let leverage = 1.0 / n + (size - x).powi(2) / xx;
        let weight = 1.0 + n * off * (size - x) / xx;
        weight * (value - y - slope * (size - x)) / (1.0 - leverage).max(1.0 / n)
    };
    let freedom = n - 2.0;
    let deviations = sum(&|size, value| residual(size, value).powi(2));
    let variance = of * of * (1.0 - n / of) * deviations / freedom / n;
    let value = (of * (y + slope * off)).max(n * y);
    Total { value, measured: n * y, variance, squares: variance * variance / freedom }
}

/// How many members of the population each measured one stands for when equal ones are stored once: `key` tells which are
/// equal, `weight` is the number of members that one stands for. The parts of equal members add up to one.
pub fn shares<K: Hash + Ord + Copy>(measured: &BTreeMap<usize, (K, f64)>) -> BTreeMap<usize, f64> {
    let mut groups: BTreeMap<K, (usize, f64)> = BTreeMap::new();
    for (key, weight) in measured.values() {
        let group = groups.entry(*key).or_default();
        *group = (group.0 + 1, group.1 + weight);
    }
    let share = |(&i, (key, _)): (&usize, &(K, f64))| match groups[key] {
        (1, _) => (i, 1.0),
        (_, weight) => (i, 1.0 / weight),
    };
    measured.iter().map(share).collect()
}
