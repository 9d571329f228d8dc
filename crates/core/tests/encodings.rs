//! What a record costs as JSON text, as typed fields in postcard, and as typed columns: to write, to scan, and to hand to
//! JavaScript, which takes JSON text. `docs/storage.md` shows what this prints:
//! `cargo test --release -p holm-core --test encodings -- --ignored --nocapture`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use holm_protocol::{DataText, Value, from_json_text, pick, to_json_text};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};

const RECORDS: usize = 10_000;
const PER_BLOCK: usize = 256;
const ROUNDS: usize = 9;
const LIST: usize = 50;

/// What a record of the benchmark of peers is made of, of 300 bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Task {
    done: bool,
    notes: String,
    #[serde(rename = "projectId")]
    project: String,
    tags: Vec<String>,
    title: String,
    #[serde(rename = "updatedAt")]
    updated_at: u64,
}

/// Of a block's records, each field by itself, read without copying; in a text column one text after another, with their ends.
#[derive(Serialize, Deserialize)]
struct Columns<'b> {
    done: &'b [u8],
    updated_at: &'b [u8],
    #[serde(borrow)]
    notes: Texts<'b>,
    project: Texts<'b>,
    tags: Texts<'b>,
    title: Texts<'b>,
}

#[derive(Serialize, Deserialize)]
struct Texts<'b> {
    ends: &'b [u8],
    bytes: &'b [u8],
}

const TAGS: usize = 3;

impl<'b> Texts<'b> {
    fn text(&self, at: usize) -> &'b str {
        let end =
            |at: usize| u32::from_le_bytes(self.ends[at * 4..at * 4 + 4].try_into().expect("four bytes")) as usize;
        std::str::from_utf8(&self.bytes[if at == 0 { 0 } else { end(at - 1) }..end(at)]).expect("text")
    }
}

impl Columns<'_> {
    fn task(&self, at: usize) -> Task {
        let updated_at = self.updated_at[at * 8..at * 8 + 8].try_into().expect("eight bytes");
        Task {
            done: self.done[at] == 1,
            notes: self.notes.text(at).to_owned(),
            project: self.project.text(at).to_owned(),
            tags: (0..TAGS).map(|n| self.tags.text(at * TAGS + n).to_owned()).collect(),
            title: self.title.text(at).to_owned(),
            updated_at: u64::from_le_bytes(updated_at),
        }
    }
}

/// The bytes of one column of texts.
fn gathered<'t>(texts: impl Iterator<Item = &'t String>) -> (Vec<u8>, Vec<u8>) {
    let (mut ends, mut bytes) = (Vec::new(), Vec::new());
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        ends.extend_from_slice(&u32::try_from(bytes.len()).expect("a block is small").to_le_bytes());
    }
    (ends, bytes)
}

/// One way to keep records.
trait Encoding {
    /// Takes records as the package hands them over: JSON text. Gives what is stored, block by block or record by record.
    fn write(given: &[String]) -> Vec<Vec<u8>>;

    /// How many are not done and in this project.
    fn scan(stored: &[Vec<u8>], project: &str) -> usize;

    /// Some records as JSON text.
    fn hand_over(stored: &[Vec<u8>], which: &[usize]) -> String;
}

/// What Holm does: the text, looked through once and put into its one form.
struct Text;

/// A record's fields in their declared order, with no names.
struct Postcard;

/// The fields of 256 records by themselves.
struct InColumns;

impl Encoding for Text {
    fn write(given: &[String]) -> Vec<Vec<u8>> {
        let text = |json: &String| from_json_text::<DataText>(json.as_bytes()).expect("JSON");
        given.iter().map(|json| text(json).as_str().as_bytes().to_vec()).collect()
    }

    fn scan(stored: &[Vec<u8>], project: &str) -> usize {
        let is_wanted = |record: &&Vec<u8>| {
            let found = pick(record, &["done", "projectId"]).expect("JSON");
            let (done, of) = (found[0].as_ref(), found[1].as_ref());
            done.and_then(Value::as_bool) == Some(false) && of.and_then(Value::as_str) == Some(project)
        };
        stored.iter().filter(is_wanted).count()
    }

    fn hand_over(stored: &[Vec<u8>], which: &[usize]) -> String {
        let texts: Vec<&str> = which.iter().map(|at| std::str::from_utf8(&stored[*at]).expect("text")).collect();
        texts.join(",")
    }
}

impl Encoding for Postcard {
    fn write(given: &[String]) -> Vec<Vec<u8>> {
        let task = |json: &String| serde_json::from_str::<Task>(json).expect("a task");
        given.iter().map(|json| postcard::to_stdvec(&task(json)).expect("encodes")).collect()
    }

    fn scan(stored: &[Vec<u8>], project: &str) -> usize {
        let task = |record: &Vec<u8>| postcard::from_bytes::<Task>(record).expect("decodes");
        stored.iter().map(task).filter(|task| !task.done && task.project == project).count()
    }

    fn hand_over(stored: &[Vec<u8>], which: &[usize]) -> String {
        let task = |at: &usize| postcard::from_bytes::<Task>(&stored[*at]).expect("decodes");
        let texts: Vec<String> = which.iter().map(|at| serde_json::to_string(&task(at)).expect("JSON")).collect();
        texts.join(",")
    }
}

impl Encoding for InColumns {
    fn write(given: &[String]) -> Vec<Vec<u8>> {
        let block = |part: &[String]| {
            let tasks: Vec<Task> = part.iter().map(|json| serde_json::from_str(json).expect("a task")).collect();
            let done: Vec<u8> = tasks.iter().map(|task| task.done.into()).collect();
            let updated_at: Vec<u8> = tasks.iter().flat_map(|task| task.updated_at.to_le_bytes()).collect();
            let notes = gathered(tasks.iter().map(|task| &task.notes));
            let project = gathered(tasks.iter().map(|task| &task.project));
            let tags = gathered(tasks.iter().flat_map(|task| &task.tags));
            let title = gathered(tasks.iter().map(|task| &task.title));
            let [notes, project, tags, title] =
                [&notes, &project, &tags, &title].map(|(ends, bytes)| Texts { ends, bytes });
            let columns = Columns { done: &done, updated_at: &updated_at, notes, project, tags, title };
            postcard::to_stdvec(&columns).expect("encodes")
        };
        given.chunks(PER_BLOCK).map(block).collect()
    }

    fn scan(stored: &[Vec<u8>], project: &str) -> usize {
        let in_block = |block: &Vec<u8>| {
            let columns: Columns<'_> = postcard::from_bytes(block).expect("decodes");
            let is_wanted = |at: &usize| columns.done[*at] == 0 && columns.project.text(*at) == project;
            (0..columns.done.len()).filter(is_wanted).count()
        };
        stored.iter().map(in_block).sum()
    }

    fn hand_over(stored: &[Vec<u8>], which: &[usize]) -> String {
        let text = |at: &usize| {
            let columns: Columns<'_> = postcard::from_bytes(&stored[at / PER_BLOCK]).expect("decodes");
            serde_json::to_string(&columns.task(at % PER_BLOCK)).expect("JSON")
        };
        which.iter().map(text).collect::<Vec<String>>().join(",")
    }
}

fn records() -> Vec<String> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut below = |limit: u32| random.next_u32() % limit;
    let task = |n: usize| Task {
        done: below(2) == 1,
        notes: format!("{}{n}", "the ferry leaves in the morning, when the tide is high ".repeat(3)),
        project: format!("project-{:03}", below(100)),
        tags: (0..3).map(|_| format!("tag-{:02}", below(20))).collect(),
        title: format!("letter to the island {}", below(1_000_000)),
        updated_at: 1_700_000_000_000 + u64::from(below(1_000_000)),
    };
    (0..RECORDS).map(task).map(|task| serde_json::to_string(&task).expect("JSON")).collect()
}

/// The median of some rounds.
fn timed<R>(mut work: impl FnMut() -> R) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

fn measure<E: Encoding>(name: &str) {
    let given = records();
    let stored = E::write(&given);
    let which: Vec<usize> = (0..LIST).map(|n| n * 199).collect();
    let bytes = stored.iter().map(Vec::len).sum::<usize>() as f64 / given.iter().map(String::len).sum::<usize>() as f64;
    let write = timed(|| E::write(&given)).as_secs_f64() * 1e9 / RECORDS as f64;
    let scan = timed(|| E::scan(&stored, "project-007")).as_secs_f64() * 1e9 / RECORDS as f64;
    let hand_over = timed(|| E::hand_over(&stored, &which)).as_secs_f64() * 1e9 / LIST as f64;
    println!("| {name} | {bytes:.2} | {write:.0} | {scan:.0} | {hand_over:.0} |");
}

#[test]
fn all_encodings_say_the_same() {
    let given = records();
    let (text, postcard, columns) = (Text::write(&given), Postcard::write(&given), InColumns::write(&given));
    let wanted = given
        .iter()
        .filter(|json| serde_json::from_str(json).is_ok_and(|task: Task| !task.done && task.project == "project-007"));
    let wanted = wanted.count();
    assert!(wanted > 0);
    let found = [Text::scan(&text, "project-007"), Postcard::scan(&postcard, "project-007")];
    assert_eq!((found, InColumns::scan(&columns, "project-007")), ([wanted; 2], wanted));
    let which = [0, 300, 9_999];
    let handed = Text::hand_over(&text, &which);
    assert_eq!(handed, which.map(|at| given[at].clone()).join(","));
    assert_eq!(
        (Postcard::hand_over(&postcard, &which), InColumns::hand_over(&columns, &which)),
        (handed.clone(), handed)
    );
    assert_eq!(to_json_text(&from_json_text::<DataText>(given[0].as_bytes()).expect("JSON")), given[0]);
}

#[test]
#[ignore = "prints the table of docs/storage.md"]
fn what_each_encoding_costs() {
    println!("| | bytes, of the JSON text | to write (ns) | to scan (ns) | to hand over (ns) |\n|---|---|---|---|---|");
    measure::<Text>("JSON text, as it is kept");
    measure::<Postcard>("typed fields, postcard");
    measure::<InColumns>("typed columns of 256 records");
}
