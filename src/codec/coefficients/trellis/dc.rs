//! The DC coefficients of a component: each is coded as the difference to the one before, so that one that is off by a step may save bits of two.

use super::ac::STEP;
use super::lambda::Lambda;
use super::rates::Rates;

/// Values that are tried for a coefficient: rounded, one below, one above.
const STATES: usize = 3;

/// Memory that is used again.
#[derive(Default)]
pub struct Buffers {
    /// Where coefficients stand in their component, and their exact values.
    pub places: Vec<usize>,
    pub exact: Vec<i32>,
    /// For each coefficient and state, the state of the one before on the best path.
    before: Vec<[u8; STATES]>,
    /// The coefficients.
    pub chosen: Vec<i16>,
}

impl Buffers {
    /// Chooses the coefficients for the exact values, which are in the order in which they are coded.
    pub fn quantise(&mut self, lambda: Lambda, rates: &Rates) {
        let Self { exact, before, chosen, .. } = self;
        before.clear();
        before.resize(exact.len(), [0; STATES]);
        chosen.clear();
        chosen.resize(exact.len(), 0);
        quantise(exact, lambda, rates, before, chosen);
    }
}

/// Quantises DC coefficients, given in the order in which they are coded, in units of a step's 128th. The first is coded by itself.
fn quantise(exact: &[i32], lambda: Lambda, rates: &Rates, paths: &mut [[u8; STATES]], chosen: &mut [i16]) {
    let value = |exact: i32, state: usize| ((exact + STEP / 2) >> STEP.ilog2()) + state as i32 - 1;
    // Values and costs of the paths so far; at first only that to 0, which stands before the first.
    let (mut values, mut costs) = ([0; STATES], [0, i32::MAX / 2, i32::MAX / 2]);
    for (&exact, before) in exact.iter().zip(&mut *paths) {
        let (mut next, mut next_costs) = ([0; STATES], [i32::MAX; STATES]);
        for state in 0..STATES {
            next[state] = value(exact, state);
            let error = exact - next[state] * STEP;
            let own = lambda.cost(error * error);
            for from in 0..STATES {
                let size = i32::BITS - (next[state] - values[from]).unsigned_abs().leading_zeros();
                let cost = costs[from] + own + rates.of_symbol(size);
                if cost < next_costs[state] {
                    (next_costs[state], before[state]) = (cost, from as u8);
                }
            }
        }
        // Only differences count: the sum of an image would not fit.
        let least = next_costs.iter().copied().min().unwrap_or(0);
        (values, costs) = (next, next_costs.map(|cost| cost - least));
    }
    let mut state = (0..STATES).min_by_key(|&state| costs[state]).unwrap_or(0);
    for ((chosen, &exact), before) in chosen.iter_mut().zip(exact).zip(paths).rev() {
        *chosen = value(exact, state) as i16;
        state = usize::from(before[state]);
    }
}
