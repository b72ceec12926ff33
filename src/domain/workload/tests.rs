//! The generated workload: the same seed gives the same history, and each shape is what its words say.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const END: Timestamp = Timestamp(1_795_492_621_000_000);

fn reads_of(w: &Workload, shape: Shape) -> Vec<(usize, Vec<WorkloadAccess>)> {
    let of = |i: usize| {
        w.accesses
            .iter()
            .filter(|a| a.dataset == i && a.op == AccessOp::Read)
            .copied()
            .collect::<Vec<_>>()
    };
    (0..w.datasets.len())
        .filter(|&i| w.datasets[i].shape == shape)
        .map(|i| (i, of(i)))
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_history_and_another_seed_another() {
    let once = generate(7, END, 400);
    assert_eq!(once, generate(7, END, 400));
    assert_ne!(once.accesses, generate(8, END, 400).accesses);
    assert_eq!(once.datasets.len(), 40);
    let names: BTreeSet<_> = once.datasets.iter().map(|d| d.name).collect();
    assert_eq!(names.len(), once.datasets.len());
}

#[test]
fn every_shape_is_what_its_words_say() {
    let w = generate(7, END, 400);
    for (i, reads) in reads_of(&w, Shape::DeadOnArrival) {
        assert_eq!(reads.len(), 1, "{}", w.datasets[i].name);
    }
    for (i, reads) in reads_of(&w, Shape::Campaign) {
        let late = reads
            .iter()
            .filter(|a| a.at.since(w.datasets[i].created_at) > 64 * Timestamp::DAY)
            .count();
        assert!(reads.len() > 20 && late <= 2, "{} {late}", w.datasets[i].name);
    }
    for (i, reads) in reads_of(&w, Shape::SteadyHot) {
        let days: BTreeSet<_> = reads.iter().map(|a| a.at.day()).collect();
        assert!(days.len() > 290, "{} {}", w.datasets[i].name, days.len());
    }
    for (i, reads) in reads_of(&w, Shape::ArchiveSlices) {
        let bytes: Bytes = reads.iter().map(|a| a.size).sum();
        assert!(
            !reads.is_empty() && bytes.0 < 2 * w.datasets[i].size.0,
            "{}",
            w.datasets[i].name
        );
    }
    for (_, reads) in reads_of(&w, Shape::MonthlyReport) {
        let early = reads
            .iter()
            .filter(|a| chrono::Datelike::day(&a.at.to_utc().unwrap()) <= 3)
            .map(|a| a.size)
            .sum::<Bytes>();
        let all = reads.iter().map(|a| a.size).sum::<Bytes>();
        assert!(early.0 * 10 > all.0 * 9);
    }
}

#[test]
fn files_differ_and_come_out_the_same_each_time() {
    let whole = |file: &PlannedFile| {
        let mut bytes = vec![0; usize::try_from(file.size.0).unwrap()];
        file.content.clone().fill(&mut bytes);
        bytes
    };
    let once: Vec<_> = planned_files(7, 3, Bytes(100_003), 20)
        .iter()
        .map(whole)
        .collect();
    let again: Vec<_> = planned_files(7, 3, Bytes(100_003), 20)
        .iter()
        .map(whole)
        .collect();
    assert_eq!(once, again);
    let distinct: BTreeSet<_> = once.iter().map(|bytes| &bytes[..64]).collect();
    assert_eq!(distinct.len(), 20);
    assert_ne!(once[0], whole(&planned_files(7, 4, Bytes(100_003), 20)[0]));
    assert_ne!(once[0], whole(&planned_files(8, 3, Bytes(100_003), 20)[0]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn nothing_lies_in_the_future_or_before_creation_and_the_disk_is_not_filled(seed: u64, days in 1_u32..500) {
        let w = generate(seed, END, days);
        for a in &w.accesses {
            prop_assert!(a.at <= END && a.at >= w.datasets[a.dataset].created_at);
            prop_assert!(a.size <= w.datasets[a.dataset].size);
        }
        prop_assert!(w.accesses.windows(2).all(|p| p[0].at <= p[1].at));
        let disk: Bytes = w.datasets.iter().map(|d| bytes_on_disk(d.size)).sum();
        prop_assert!(disk.0 < 300_000_000, "{disk}");
        prop_assert!(w.datasets.iter().all(|d| bytes_on_disk(d.size).0 * SCALE == d.size.0 && d.objects > 0));
        prop_assert!(w.accesses.len() < 60_000);
    }

    #[test]
    fn files_add_up_to_what_was_asked_for(seed: u64, dataset in 0_u32..9000, total in 0_u64..1_000_000, objects in 0_u32..300) {
        let files = planned_files(seed, dataset, Bytes(total), objects);
        prop_assert_eq!(files.iter().map(|f| f.size.0).sum::<u64>(), total);
        prop_assert!(!files.is_empty() && files.len() <= objects.max(1) as usize);
        prop_assert!(files.iter().all(|f| f.size.0 > 0 || total == 0));
        let keys: BTreeSet<_> = files.iter().map(|f| &f.key).collect();
        prop_assert_eq!(keys.len(), files.len());
    }
}
