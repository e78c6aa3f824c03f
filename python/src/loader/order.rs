//! The order of the samples of an epoch: decided by a seed alone, near one another where that saves work, shared by ranks.
//!
//! It is the same on every machine and in every version: the generator is defined here (SplitMix64, Steele et al. 2014), and so is the
//! shuffle (Fisher and Yates). An order is a plain list, so a run goes on in the middle of an epoch from the position alone.

/// How an order is made.
#[derive(Clone, Copy, Debug)]
pub struct Epoch {
    /// Decides all orders.
    pub seed: u64,
    /// Decides the order of one epoch.
    pub epoch: u64,
    /// What is shuffled.
    pub shuffle: Shuffle,
    /// The share of a run of several processes: rank and number of ranks.
    pub share: (usize, usize),
}

/// What is shuffled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shuffle {
    /// Nothing.
    Nothing,
    /// Samples.
    Samples,
    /// Families of samples, and in a buffer of so many samples their order.
    Families(usize),
}

/// SplitMix64.
pub struct Random(u64);

impl Random {
    /// Of numbers that decide all others. Different numbers in any place give other ones.
    pub fn new(numbers: &[u64]) -> Self {
        let mut random = Self(0x5851_F42D_4C95_7F2D);
        for &number in numbers {
            random.0 ^= number;
            random.0 = random.draw();
        }
        random
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, all equally likely (Lemire 2019); 0 for an `end` of 0.
    pub fn below(&mut self, end: u64) -> u64 {
        let threshold = end.wrapping_neg().checked_rem(end).unwrap_or(0);
        loop {
            let product = u128::from(self.draw()) * u128::from(end);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number from 0 to 1, without 1.
    pub fn unit(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Puts a list into any order, all equally likely.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Purposes of a generator, so that none draws the numbers of another.
#[derive(Clone, Copy)]
enum Purpose {
    Samples = 1,
    Families,
    Buffer,
}

impl Epoch {
    fn random(&self, purpose: Purpose, number: usize) -> Random {
        Random::new(&[self.seed, self.epoch, purpose as u64, number as u64])
    }

    /// The samples of this rank, in order. `families` has for each of `samples` the family that it lies in. Ranks have equally many:
    /// where that does not come out even, some get one sample of the beginning again.
    pub fn order(&self, samples: &[i64], families: &[u64]) -> Vec<i64> {
        let (rank, ranks) = self.share;
        let mut own = match self.shuffle {
            Shuffle::Nothing => strided(samples, rank, ranks),
            Shuffle::Samples => {
                let mut all = samples.to_vec();
                self.random(Purpose::Samples, 0).shuffle(&mut all);
                strided(&all, rank, ranks)
            }
            Shuffle::Families(buffer) => self.by_family(samples, families, buffer.max(1)),
        };
        let even = samples.len().div_ceil(ranks);
        let again: Vec<_> = own.iter().copied().take(even - own.len()).collect();
        own.extend(again);
        own
    }

    /// Families in any order, one after the other, cut into buffers; buffers are dealt to the ranks, and each is shuffled. What is left
    /// when every rank has equally many buffers is dealt sample by sample.
    fn by_family(&self, samples: &[i64], families: &[u64], buffer: usize) -> Vec<i64> {
        let (rank, ranks) = self.share;
        let mut members: Vec<(u64, i64)> = families.iter().copied().zip(samples.iter().copied()).collect();
        members.sort_unstable();
        let mut groups: Vec<&[(u64, i64)]> = members.chunk_by(|a, b| a.0 == b.0).collect();
        self.random(Purpose::Families, 0).shuffle(&mut groups);
        let all: Vec<i64> = groups.concat().into_iter().map(|(_, sample)| sample).collect();
        let dealt = all.len() / (buffer * ranks) * (buffer * ranks);
        let rest = strided(&all[dealt..], rank, ranks);
        let buffers = all[..dealt].chunks(buffer).enumerate().skip(rank).step_by(ranks);
        let mut own = Vec::with_capacity(all.len().div_ceil(ranks));
        for (number, samples) in buffers.chain([(all.len() / buffer + rank, &rest[..])]) {
            let first = own.len();
            own.extend_from_slice(samples);
            self.random(Purpose::Buffer, number).shuffle(&mut own[first..]);
        }
        own
    }
}

/// Every `ranks`th sample, from the sample `rank` on.
fn strided(samples: &[i64], rank: usize, ranks: usize) -> Vec<i64> {
    samples.iter().copied().skip(rank).step_by(ranks).collect()
}
