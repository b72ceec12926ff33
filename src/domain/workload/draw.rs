//! Counter-based draws: the n-th draw of a stream is a pure function of seed, stream and n.
//!
//! Invariant: no state is shared between streams, so adding draws to one changes no other. SplitMix64's finaliser does the mixing.

/// A numbered stream of draws.
#[derive(Clone, Debug)]
pub struct Draw {
    key: u64,
    counter: u64,
}

impl Draw {
    /// The stream of that number under that seed.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        Self {
            key: mix(mix(seed).wrapping_add(stream)),
            counter: 0,
        }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.counter += 1;
        mix(self
            .key
            .wrapping_add(self.counter.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Fills a buffer.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bits = self.bits().to_le_bytes();
            chunk.copy_from_slice(&bits[..chunk.len()]);
        }
    }

    /// At least 0 and below 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// At least 0 and below `n` (0 for `n` = 0). The bias of at most n / 2⁶⁴ does not show.
    pub fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(n);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// From `low` to `high` with every order of magnitude as likely as another.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "both ends are small positive numbers and the result lies between them"
    )]
    pub fn log_between(&mut self, low: u64, high: u64) -> u64 {
        let (a, b) = ((low.max(1) as f64).ln(), (high.max(1) as f64).ln());
        ((a + (b - a) * self.unit()).exp() as u64).clamp(low, high)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
