//! The form there and back, and every way to spoil it.

use super::*;
use crate::domain::encryption::{plain_bytes, stored_bytes};
use crate::domain::unit;
use proptest::prelude::*;

fn key(seed: u8) -> Key {
    Key::parse(&format!("{:02x}", seed).repeat(32)).unwrap()
}

fn bytes(length: u64) -> Vec<u8> {
    let mut out = vec![0; length as usize];
    blake3::Hasher::new()
        .update(&length.to_le_bytes())
        .finalize_xof()
        .fill(&mut out);
    out
}

fn seal(sealer: &Sealer, plain: &[u8]) -> Vec<Vec<u8>> {
    // In pieces that fit nothing.
    let pieces: Vec<Bytes> = plain.chunks(50_021).map(Bytes::copy_from_slice).collect();
    let sealed = sealer.seal(0, &pieces).unwrap();
    sealed.segments.iter().map(|s| s.to_vec()).collect()
}

fn sealed(name: &str, of_write: &str, plain: &[u8]) -> Vec<Vec<u8>> {
    seal(&Sealer::new(key(1), name, plain.len() as u64, of_write), plain)
}

fn open(mut opener: Opener, stored: &[u8], step: usize) -> Result<Vec<u8>, Broken> {
    let mut out = Vec::new();
    for piece in stored.chunks(step) {
        opener.take(piece, &mut out)?;
    }
    opener.finish().map(|_| out)
}

fn open_named(name: &str, length: usize, stored: &[u8]) -> Result<Vec<u8>, Broken> {
    open(
        Opener::new(key(1), Some(name), Some(length as u64)),
        stored,
        100_003,
    )
}

#[test]
fn it_goes_there_and_back_at_every_boundary() {
    let mut sizes = vec![0, 1, 2, 1000];
    for base in [CHUNK, 2 * CHUNK, SEGMENT, 2 * SEGMENT, 2 * SEGMENT + CHUNK] {
        sizes.extend([base - 1, base, base + 1]);
    }
    for size in sizes {
        let plain = bytes(size);
        let stored = sealed("a/b", "w", &plain).concat();
        assert_eq!(
            unit::Bytes(stored.len() as u64),
            stored_bytes(unit::Bytes(size)),
            "{size}"
        );
        for step in [1 << 22, 7919, if size < CHUNK { 1 } else { 65_536 }] {
            let whole = Opener::new(key(1), Some("a/b"), Some(size));
            assert!(open(whole, &stored, step).unwrap() == plain, "{size} by {step}");
            assert!(
                open(Opener::new(key(1), None, None), &stored, step).unwrap() == plain,
                "{size}, of unknown name and length"
            );
        }
    }
}

#[test]
fn the_stored_hash_is_told_alike_by_both_sides() {
    let plain = bytes(2 * SEGMENT + 5);
    let sealer = Sealer::new(key(1), "k", plain.len() as u64, "w");
    let whole = sealer.seal(0, &[plain.into()]).unwrap();
    let mut hash = StoredHash::default();
    whole.hashes.iter().for_each(|segment| hash.add(segment));
    let mut opener = Opener::new(key(1), None, None);
    let mut out = Vec::new();
    for segment in &whole.segments {
        opener.take(segment, &mut out).unwrap();
    }
    assert_eq!(opener.finish().unwrap(), hash.finish());
}

#[test]
fn parts_are_sealed_and_opened_by_themselves() {
    let plain = bytes(5 * SEGMENT + 77);
    let length = plain.len() as u64;
    let sealer = Sealer::new(key(1), "k", length, "w");
    let mut stored = Vec::new();
    for (offset, end) in [
        (0, 2 * SEGMENT),
        (2 * SEGMENT, 4 * SEGMENT),
        (4 * SEGMENT, length),
    ] {
        let piece = Bytes::copy_from_slice(&plain[offset as usize..end as usize]);
        stored.extend(sealer.seal(offset, &[piece]).unwrap().segments);
    }
    assert!(open_named("k", plain.len(), &stored.concat()).unwrap() == plain);
    for (from, to) in [(0, 1), (1, 3), (4, 6), (5, 6)] {
        let part = Opener::part(key(1), "k", length, from..to);
        let some = stored[from as usize..to as usize].concat();
        let end = (to * SEGMENT).min(length) as usize;
        assert!(open(part, &some, 9999).unwrap() == plain[(from * SEGMENT) as usize..end]);
    }
    // A part in another's place.
    let part = Opener::part(key(1), "k", length, 1..2);
    assert_eq!(open(part, &stored[2], 9999), Err(Broken::Mixed(1)));
}

#[test]
fn what_is_sent_again_has_nothing_in_common_with_what_was_sent() {
    let sealer = Sealer::new(key(1), "k", 100, "w");
    let (one, two) = (seal(&sealer, &bytes(100)), seal(&sealer, &bytes(100)));
    assert_eq!(one[0][..64], two[0][..64], "one object, one place");
    assert_ne!(one[0][64..96], two[0][64..96], "another salt");
    let same = one[0][96..]
        .iter()
        .zip(&two[0][96..])
        .filter(|(a, b)| a == b)
        .count();
    assert!(same < 12, "{same} of 116 bytes are the same by more than chance");
}

#[test]
fn every_flipped_bit_of_small_objects_is_found() {
    for size in [0, 1, 300] {
        let plain = bytes(size);
        let mut stored = sealed("k", "w", &plain).concat();
        for bit in 0..stored.len() * 8 {
            stored[bit / 8] ^= 1 << (bit % 8);
            let named = open_named("k", plain.len(), &stored);
            let unnamed = open(Opener::new(key(1), None, None), &stored, 1000);
            assert!(named.is_err() && unnamed.is_err(), "bit {bit} of {size} bytes");
            stored[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(open_named("k", plain.len(), &stored).unwrap() == plain);
    }
}

#[test]
fn flipped_bits_of_large_objects_are_found() {
    let plain = bytes(SEGMENT + CHUNK + 9);
    let mut stored = sealed("k", "w", &plain).concat();
    let second = (HEADER + SEGMENT + SEGMENT / CHUNK * TAG) as usize;
    let chunk = CHUNK_LEN + TAG_LEN;
    // Every byte of both heads, and of the first and the last tag of each segment; elsewhere some.
    let mut places: Vec<usize> = (0..HEADER_LEN).flat_map(|i| [i, second + i]).collect();
    for end in [
        HEADER_LEN + chunk,
        second,
        second + HEADER_LEN + chunk,
        stored.len(),
    ] {
        places.extend(end - TAG_LEN..end);
    }
    places.extend((0..stored.len()).step_by(20_011));
    for (i, place) in places.into_iter().enumerate() {
        stored[place] ^= 1 << (i % 8);
        assert!(
            open_named("k", plain.len(), &stored).is_err(),
            "a bit of byte {place}"
        );
        stored[place] ^= 1 << (i % 8);
    }
}

#[test]
fn truncated_and_lengthened_objects_are_found() {
    let small = bytes(200);
    let stored = sealed("k", "w", &small).concat();
    for length in 0..stored.len() {
        let unknown = open(Opener::new(key(1), None, None), &stored[..length], 64);
        assert!(unknown.is_err(), "the first {length} bytes");
    }
    let large = bytes(3 * SEGMENT);
    let stored = sealed("k", "w", &large);
    for segments in 1..3 {
        let unknown = open(
            Opener::new(key(1), None, None),
            &stored[..segments].concat(),
            99_999,
        );
        assert_eq!(
            unknown,
            Err(Broken::Short(segments as u64)),
            "cut between two segments"
        );
    }
    let all = stored.concat();
    assert!(open_named("k", large.len(), &all[..all.len() - CHUNK_LEN - TAG_LEN]).is_err());
    let mut more = all.clone();
    more.push(0);
    assert_eq!(open_named("k", large.len(), &more), Err(Broken::Long));
    more.pop();
    more.extend(&stored[2]);
    assert_eq!(open_named("k", large.len(), &more), Err(Broken::Long));
    // Of another length than the catalog knows.
    assert_eq!(open_named("k", large.len() - 1, &all), Err(Broken::Mixed(0)));
}

#[test]
fn swapped_segments_objects_and_keys_are_found() {
    let plain = bytes(3 * SEGMENT);
    let length = plain.len();
    let stored = sealed("k", "w", &plain);
    let mut swapped = stored.clone();
    swapped.swap(1, 2);
    assert_eq!(open_named("k", length, &swapped.concat()), Err(Broken::Mixed(1)));
    let twice = [stored[0].clone(), stored[0].clone(), stored[2].clone()];
    assert_eq!(open_named("k", length, &twice.concat()), Err(Broken::Mixed(1)));
    // The same bytes of another write of the same object, by another attempt or job.
    let other = sealed("k", "w2", &plain);
    let mixed = [stored[0].clone(), other[1].clone(), stored[2].clone()];
    assert_eq!(open_named("k", length, &mixed.concat()), Err(Broken::Mixed(1)));
    // Another object of the same size in its place.
    let elsewhere = sealed("l", "w", &plain);
    assert_eq!(
        open_named("k", length, &elsewhere.concat()),
        Err(Broken::OtherName)
    );
    // A head that lies about its object does not help.
    let mut forged = elsewhere.concat();
    forged[16..48].copy_from_slice(&stored[0][16..48]);
    assert_eq!(
        open_named("k", length, &forged),
        Err(Broken::Forged { segment: 0, chunk: 0 })
    );
    let (wanted, found) = (key(2).id(), key(1).id());
    let wrong = Opener::new(key(2), Some("k"), Some(length as u64));
    assert_eq!(
        open(wrong, &stored.concat(), 5000),
        Err(Broken::OtherKey { found, wanted })
    );
    let mut lying = stored.concat();
    lying[8..16].copy_from_slice(&key(2).id_bytes());
    let wrong = Opener::new(key(2), None, None);
    assert!(matches!(open(wrong, &lying, 5000), Err(Broken::Forged { .. })));
    assert_eq!(
        open(Opener::new(key(1), None, None), &plain, 5000),
        Err(Broken::Foreign)
    );
}

#[test]
fn chunks_in_another_order_are_found() {
    let plain = bytes(4 * CHUNK);
    let stored = sealed("k", "w", &plain).concat();
    let chunk = CHUNK_LEN + TAG_LEN;
    let mut swapped = stored.clone();
    let (a, b) = (HEADER_LEN, HEADER_LEN + chunk);
    swapped[a..b].copy_from_slice(&stored[b..b + chunk]);
    swapped[b..b + chunk].copy_from_slice(&stored[a..b]);
    assert!(matches!(
        open_named("k", plain.len(), &swapped),
        Err(Broken::Forged { segment: 0, chunk: 0 })
    ));
}

#[test]
fn keys_are_read_in_both_spellings_and_never_shown() {
    let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let one = Key::parse(hex).unwrap();
    for same in [
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        " 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n",
    ] {
        assert_eq!(Key::parse(same).unwrap().id(), one.id(), "{same}");
    }
    for bad in [
        "",
        "AAEC",
        &hex[..62],
        "not a key at all, but 44 characters of text.",
        "🔑",
    ] {
        assert!(Key::parse(bad).is_none(), "{bad}");
    }
    assert_eq!(format!("{one:?}"), format!("Key({})", one.id()));
    assert!(!hex.contains(one.id().as_str()));
}

/// What the form says is what is written: opened by nothing but the description at the head of `format.rs`.
#[test]
fn the_form_is_as_described() {
    use aead_stream::{NewStream, StreamBE32, StreamPrimitive};
    use chacha20poly1305::ChaCha20Poly1305;
    use chacha20poly1305::aead::{Aead, KeyInit};
    let plain = bytes(CHUNK + 10);
    let raw = [1_u8; 32];
    let stored = sealed("dir/é", "w", &plain).concat();
    let head = &stored[..96];
    assert_eq!(&head[..8], b"dimseal1");
    let derive = |context: &str, parts: &[&[u8]]| blake3::derive_key(context, &parts.concat());
    assert_eq!(head[8..16], derive("data-in-motion 2026-11 key id", &[&raw])[..8]);
    let name = derive("data-in-motion 2026-11 object name", &[&raw, "dir/é".as_bytes()]);
    assert_eq!(head[32..48], name[..16]);
    assert_eq!(head[48..56], (CHUNK + 10).to_le_bytes());
    assert_eq!(head[56..64], [0; 8]);
    let subkey = derive("data-in-motion 2026-11 segment", &[&raw, head]);
    let cipher = ChaCha20Poly1305::new(&subkey.into());
    let mut opened = Vec::new();
    for (i, chunk) in stored[96..].chunks(CHUNK_LEN + TAG_LEN).enumerate() {
        let nonce = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, i as u8, i as u8];
        opened.extend(cipher.decrypt(&nonce.into(), chunk).unwrap());
    }
    assert!(opened == plain);
    // The nonces are those of STREAM as others write it.
    let stream = StreamBE32::<ChaCha20Poly1305>::new(&subkey.into(), &Default::default());
    let (first, last) = stored[96..].split_at(CHUNK_LEN + TAG_LEN);
    let others = [
        stream.decrypt(0, false, first).unwrap(),
        stream.decrypt(1, true, last).unwrap(),
    ];
    assert!(others.concat() == plain);
    // And never changes: an object that was encrypted once must be opened by every later version.
    assert_eq!(key(1).id().as_str(), KNOWN_ID);
}

/// `derive_key("data-in-motion 2026-11 key id", [1; 32])`, the first 8 bytes.
const KNOWN_ID: &str = "e05ce7d5fae482c9";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_goes_there_and_back(plain in proptest::collection::vec(any::<u8>(), 0..200_000), step in 1_usize..200_000) {
        let stored = sealed("k", "w", &plain).concat();
        let size = plain_bytes(unit::Bytes(stored.len() as u64));
        prop_assert_eq!(size, Some(unit::Bytes(plain.len() as u64)));
        let whole = Opener::new(key(1), Some("k"), Some(plain.len() as u64));
        prop_assert!(open(whole, &stored, step) == Ok(plain));
    }

    #[test]
    fn no_change_is_opened(
        plain in proptest::collection::vec(any::<u8>(), 0..150_000),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..=255,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut stored = sealed("k", "w", &plain).concat();
        prop_assert!(open_named("k", plain.len(), &stored[..cut.index(stored.len())]).is_err());
        let at = at.index(stored.len());
        stored[at] ^= flip;
        prop_assert!(open_named("k", plain.len(), &stored).is_err());
    }
}
