//! The checksums that stores keep of their objects: computed here while bytes pass, to be compared with what a store says.
//!
//! Invariant: a sum as text names its kind, so that two of different kinds are never taken for a difference of content.

use crate::domain::location::Provider;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, Digest};
use md5::Digest as _;
use std::fmt;
use std::str::FromStr;

/// A kind of checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What S3 keeps of whole objects, however they were sent.
    Crc64Nvme,
    /// What Google keeps of every object.
    Crc32c,
    /// What Azure keeps of objects that came in one request.
    Md5,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Crc64Nvme, Self::Crc32c, Self::Md5];

    /// The one that a vendor keeps; directories keep none.
    pub(super) fn of(provider: Provider) -> Option<Self> {
        match provider {
            Provider::Local => None,
            Provider::S3 => Some(Self::Crc64Nvme),
            Provider::Gcs => Some(Self::Crc32c),
            Provider::Azure => Some(Self::Md5),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "crc64nvme",
            Self::Crc32c => "crc32c",
            Self::Md5 => "md5",
        }
    }

    /// How many bytes it has.
    fn width(self) -> usize {
        match self {
            Self::Crc64Nvme => 8,
            Self::Crc32c => 4,
            Self::Md5 => 16,
        }
    }

    /// The algorithm and whether the sums of parts make that of the whole.
    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Md5 => None,
        }
    }
}

/// A checksum. As text `KIND=VALUE`, the value in the base64 that stores use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    kind: Kind,
    value: Vec<u8>,
}

impl Sum {
    /// From the text of a store.
    pub(super) fn told(kind: Kind, base64: &str) -> Option<Self> {
        let value = STANDARD.decode(base64.trim()).ok()?;
        (value.len() == kind.width()).then_some(Self { kind, value })
    }

    fn of_crc(kind: Kind, crc: u64) -> Self {
        let bytes = crc.to_be_bytes();
        Self {
            kind,
            value: bytes[bytes.len() - kind.width()..].to_vec(),
        }
    }

    fn crc(&self) -> u64 {
        self.value
            .iter()
            .fold(0, |crc, byte| (crc << 8) | u64::from(*byte))
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind.word(), STANDARD.encode(&self.value))
    }
}

impl FromStr for Sum {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (word, value) = text.split_once('=').ok_or(())?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word).ok_or(())?;
        Self::told(kind, value).ok_or(())
    }
}

/// A sum that is being made.
pub(super) enum Summing {
    Crc(Kind, Box<Digest>),
    Md5(Box<md5::Md5>),
}

impl Summing {
    pub(super) fn new(kind: Kind) -> Self {
        match kind.crc() {
            Some(algorithm) => Self::Crc(kind, Box::new(Digest::new(algorithm))),
            None => Self::Md5(Box::default()),
        }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(_, digest) => digest.update(bytes),
            Self::Md5(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Sum {
        match self {
            Self::Crc(kind, digest) => Sum::of_crc(kind, digest.finalize()),
            Self::Md5(hasher) => Sum {
                kind: Kind::Md5,
                value: hasher.finalize().to_vec(),
            },
        }
    }
}

/// The sum of bytes in pieces.
pub(super) fn of<'a>(kind: Kind, pieces: impl Iterator<Item = &'a [u8]>) -> Sum {
    let mut summing = Summing::new(kind);
    for piece in pieces {
        summing.add(piece);
    }
    summing.finish()
}

/// The sum of a whole from those of its parts and their lengths, in order; `None` where the kind has no such thing.
pub(super) fn joined(parts: impl Iterator<Item = (Sum, u64)>) -> Option<Sum> {
    let mut whole: Option<Sum> = None;
    for (part, length) in parts {
        whole = Some(match whole {
            None => part,
            Some(so_far) if so_far.kind == part.kind => {
                let algorithm = part.kind.crc()?;
                let crc = crc_fast::checksum_combine(algorithm, so_far.crc(), part.crc(), length);
                Sum::of_crc(part.kind, crc)
            }
            Some(_) => return None,
        });
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standards() {
        let of_text = |kind| of(kind, [b"1234".as_slice(), b"56789"].into_iter());
        for (kind, hex) in [
            (Kind::Crc64Nvme, "ae8b14860a799888"),
            (Kind::Crc32c, "e3069283"),
            (Kind::Md5, "25f9e794323b453885f5181f1b624d0b"),
        ] {
            let sum = of_text(kind);
            let found: String = sum.value.iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(found, hex, "{kind:?}");
            assert_eq!(sum.to_string().parse(), Ok(sum.clone()));
            assert_eq!(
                Sum::told(kind, &STANDARD.encode(&sum.value[1..])),
                None,
                "too short"
            );
        }
        assert_eq!("sha1=AAAA".parse::<Sum>(), Err(()));
    }

    #[test]
    fn parts_make_the_sum_of_the_whole() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i * 31 % 253) as u8).collect();
        for kind in [Kind::Crc64Nvme, Kind::Crc32c] {
            let parts = bytes
                .chunks(32_768)
                .map(|part| (of(kind, std::iter::once(part)), part.len() as u64));
            assert_eq!(joined(parts), Some(of(kind, std::iter::once(bytes.as_slice()))));
        }
        let md5 = |bytes: &[u8]| (of(Kind::Md5, std::iter::once(bytes)), bytes.len() as u64);
        assert_eq!(joined([md5(b"a")].into_iter()), Some(md5(b"a").0));
        assert_eq!(joined([md5(b"a"), md5(b"b")].into_iter()), None);
    }
}
