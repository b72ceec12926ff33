//! How long it takes to score a million datasets at six placements in memory on one core, beside numpy doing the same arithmetic
//! with whole columns in the same run.
//!
//! `scripts/bench.sh score` builds for release and runs it; it needs `python3-numpy`. Both sides get the same columns and the same
//! figures of the same price books and must choose the same placement for every dataset. CPU time is the kernel's for this thread,
//! and Python's `process_time` with one thread. `--datasets N`, `--rounds N`.

use data_in_motion::domain::price::book::PriceBooks;
use data_in_motion::domain::price::score::{Place, Scorer, Subject};
use data_in_motion::domain::price::transfer::Priced;
use data_in_motion::domain::workload::Draw;
use std::fs;
use std::path::Path;
use std::process::Command;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The aim: at most this share of numpy's CPU time.
const AIM: f64 = 0.5;
const HORIZON_DAYS: u32 = 90;
const GRACE_DAYS: f64 = 7.0;
/// The placements: location, price book, class.
const PLACES: [(i64, &str, &str); 6] = [
    (1, "aws/us-east-1", "STANDARD"),
    (1, "aws/us-east-1", "STANDARD_IA"),
    (1, "aws/us-east-1", "INTELLIGENT_TIERING"),
    (1, "aws/us-east-1", "GLACIER_IR"),
    (2, "local/nvme", "hot"),
    (3, "local/nas", "warm"),
];

fn main() -> Result<(), Failure> {
    let flag = |name: &str, default: u64| {
        let mut args = std::env::args().skip_while(|arg| arg != name);
        args.nth(1).map_or(Ok(default), |text| text.parse::<u64>())
    };
    let (datasets, rounds) = (flag("--datasets", 1_000_000)?, flag("--rounds", 5)?.max(1));
    let books = data_in_motion::adapters::prices::load(None)?;
    let scorer = Scorer::new(&places(&books)?, HORIZON_DAYS, GRACE_DAYS);
    let fleet = fleet(usize::try_from(datasets)?);
    let mut chosen = vec![0_u8; fleet.len()];
    let mut times = Vec::new();
    for _ in 0..rounds {
        let began = cpu_secs()?;
        for (subject, choice) in fleet.iter().zip(&mut chosen) {
            *choice = scorer.best(subject).0 as u8;
        }
        times.push(cpu_secs()? - began);
    }
    let own = median(&mut times);
    let dir = tempfile::tempdir()?;
    hand_over(dir.path(), &scorer, &fleet)?;
    let numpy = numpy(dir.path(), rounds)?;
    let theirs = fs::read(dir.path().join("chosen"))?;
    let differ = chosen.iter().zip(&theirs).filter(|(a, b)| a != b).count();
    if theirs.len() != chosen.len() || differ > 0 {
        return Err(format!("numpy chooses otherwise for {differ} of {datasets} datasets").into());
    }
    let moved = fleet
        .iter()
        .zip(&chosen)
        .filter(|(s, c)| s.at != usize::from(**c))
        .count();
    say(&format!(
        "{datasets} datasets x {} placements, {moved} of them cheaper elsewhere; median of {rounds} rounds, CPU time of one core",
        scorer.places()
    ));
    say(&format!("{:<34} {:>8.1} ms", "this program", own * 1e3));
    say(&format!(
        "{:<34} {:>8.1} ms",
        "numpy, whole columns",
        numpy.0 * 1e3
    ));
    say(&format!(
        "{:<34} {:>8.1} ms",
        "  of which argmin of the matrix",
        numpy.1 * 1e3
    ));
    let ratio = own / numpy.0;
    let verdict = if ratio <= AIM { "reached" } else { "missed" };
    say(&format!(
        "ratio to numpy {ratio:.2} (aim: at most {AIM}, {verdict}); every choice is the same"
    ));
    Ok(())
}

fn places(books: &PriceBooks) -> Result<Vec<Place<'_>>, Failure> {
    PLACES
        .iter()
        .map(|&(location, book, class)| {
            let found = books.find(book).and_then(|book| Priced::find(book, class));
            Ok(Place {
                at: found.ok_or_else(|| format!("no class {class} in {book}"))?,
                location,
                has_transitions: location == 1,
                // The readers are near the first location.
                outside_share: f64::from(u8::from(location != 1)),
                other_region_share: 0.0,
            })
        })
        .collect()
}

/// An invented fleet: sizes over five magnitudes, from never read to read twice a day.
fn fleet(datasets: usize) -> Vec<Subject> {
    let mut draw = Draw::new(7, 1);
    (0..datasets)
        .map(|_| {
            let size_bytes = (1e9 * 10_f64.powf(5.0 * draw.unit())).floor();
            let objects = (1.0 + 10_f64.powf(6.0 * draw.unit())).floor();
            let reads = if draw.unit() < 0.3 {
                0.0
            } else {
                10_f64.powf(-3.0 + 5.0 * draw.unit())
            };
            let quiet = (-reads / 30.0 - 1e-3 * draw.unit()).exp();
            Subject {
                size_bytes,
                objects,
                read_bytes: size_bytes * reads,
                gets: objects * reads,
                puts: 0.0,
                quiet,
                idle_days: (draw.unit() * 400.0) as u32,
                days_held: (draw.unit() * 200.0) as u32,
                at: (draw.unit() * 6.0) as usize,
            }
        })
        .collect()
}

type Column = (&'static str, fn(&Subject) -> f64);

/// Columns of doubles, and the figures as JSON.
fn hand_over(dir: &Path, scorer: &Scorer, fleet: &[Subject]) -> Result<(), Failure> {
    let columns: [Column; 9] = [
        ("size", |s| s.size_bytes),
        ("objects", |s| s.objects),
        ("read", |s| s.read_bytes),
        ("gets", |s| s.gets),
        ("puts", |s| s.puts),
        ("quiet", |s| s.quiet),
        ("idle", |s| f64::from(s.idle_days)),
        ("held", |s| f64::from(s.days_held)),
        ("at", |s| s.at as f64),
    ];
    for (name, of) in columns {
        let bytes: Vec<u8> = fleet.iter().flat_map(|s| of(s).to_le_bytes()).collect();
        fs::write(dir.join(name), bytes)?;
    }
    Ok(fs::write(dir.join("figures.json"), serde_json::to_vec(scorer)?)?)
}

/// CPU seconds of a whole round, and of the argmin in it.
fn numpy(dir: &Path, rounds: u64) -> Result<(f64, f64), Failure> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/score_numpy.py");
    // The system's own where the first one on the path is another without numpy.
    let has = |python: &&str| {
        let asked = Command::new(python).args(["-c", "import numpy"]).output();
        asked.is_ok_and(|ran| ran.status.success())
    };
    let python = ["python3", "/usr/bin/python3"].into_iter().find(has);
    let ran = Command::new(python.unwrap_or("python3"))
        .arg(script)
        .arg(dir)
        .arg(rounds.to_string())
        .envs(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"].map(|name| (name, "1")))
        .output()?;
    if !ran.status.success() {
        return Err(format!(
            "numpy did not run (apt-get install python3-numpy): {}",
            String::from_utf8_lossy(&ran.stderr)
        )
        .into());
    }
    let text = String::from_utf8(ran.stdout)?;
    let mut figures = text.split_whitespace().map(str::parse::<f64>);
    let mut next = || figures.next().ok_or("numpy said too little");
    Ok((next()??, next()??))
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// What this thread has had of a core.
fn cpu_secs() -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: f64 = text
        .split_whitespace()
        .next()
        .ok_or("an empty schedstat")?
        .parse()?;
    Ok(nanos / 1e9)
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn say(line: &str) {
    println!("{line}");
}
