//! Random draws in the units of the model. Every draw of the simulation goes through here.

use azure_core::Uuid;
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use rand_distr::{Exp1, StandardNormal};
use time::Duration;

/// A generator whose algorithm is named, so that a seed gives the same traffic in every release of
/// `rand` (its `StdRng` may change).
#[derive(Debug, Clone)]
pub(super) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A seed for other dice.
    pub(super) fn seed(&mut self) -> u64 {
        self.0.random()
    }

    /// True in this share of draws.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// Evenly between 0 and 1.
    pub(super) fn share(&mut self) -> f64 {
        self.0.random()
    }

    /// Evenly between the two, in seconds.
    pub(super) fn between(&mut self, low: f64, high: f64) -> Duration {
        Duration::seconds_f64(low + (high - low) * self.share())
    }

    /// A whole number from `low` to `high`, both included.
    pub(super) fn whole(&mut self, low: u8, high: u8) -> u8 {
        self.0.random_range(low..=high.max(low))
    }

    /// The wait for something that happens once in `mean` seconds.
    pub(super) fn wait(&mut self, mean: f64) -> Duration {
        Duration::seconds_f64(mean * self.0.sample::<f64, _>(Exp1))
    }

    /// Log-normal around `median` seconds; `spread` is the deviation of the logarithm.
    pub(super) fn around(&mut self, median: f64, spread: f64) -> Duration {
        let normal: f64 = self.0.sample(StandardNormal);
        Duration::seconds_f64(median * (spread * normal).exp())
    }

    /// One of the others in its share of draws, else the usual.
    pub(super) fn pick<T: Copy>(&mut self, usual: T, others: &[(f64, T)]) -> T {
        let mut left = self.share();
        for &(share, other) in others {
            if left < share {
                return other;
            }
            left -= share;
        }
        usual
    }

    /// A random (version 4) UUID.
    pub(super) fn uuid(&mut self) -> Uuid {
        const VERSION_AND_VARIANT: u128 = 0xf000_c000_0000_0000_0000;
        const VERSION_4_AND_VARIANT_1: u128 = 0x4000_8000_0000_0000_0000;
        let bits: u128 = self.0.random();
        Uuid::from_u128(bits & !VERSION_AND_VARIANT | VERSION_4_AND_VARIANT_1)
    }
}
