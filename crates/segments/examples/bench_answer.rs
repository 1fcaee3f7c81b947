//! Measures the answers to the questions of a page of the log: `bench_answer [ROWS [PATHS [COMPANIES [PART]]]]`, by
//! default two million rows over 30 days with 3,006 paths and 20 brands. With more than 100 companies, these are no brands but
//! customers of their own, and one of them asks. With PART, only questions with this in their names are asked.
//!
//! The first time is with an empty cache (the files are in the page cache), then follow the median and the slowest of 20
//! repetitions. *Running* is the time that the thread had a processor, which matters on a machine that does other work.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use logs::{Choice, Conditions, Groups, KeyTrace, Place, Question, Scope, StoredEntry};
use model::{
    Body, BodyAbsence, ClientId, CompanyId, Environment, KeyId, Recorded, RequestId, StatusFilter, Timestamp,
    Verdict,
};
use segments::{Cache, Closed, Container, Day, Head, Open, ROWS, ReadError, SegmentId, Source, View, Wanted};

const BEGIN: i64 = 1_767_225_600_000;
const RANGE: i64 = 30 * 86_400_000;
const CACHE: usize = 256 * 1024 * 1024;
const TIMES: usize = 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, otherwise: u64| {
        let argument = arguments.get(index);
        argument.map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let world = World {
        rows: number(0, 2_000_000),
        paths: number(1, 3_006),
        companies: number(2, 20),
    };
    let part = arguments.get(3).map_or("", String::as_str);
    let directory = tempfile::tempdir().expect("a directory");
    let files = Files(directory.path().to_owned());
    let view = fill(&world, &files);
    for question in questions(&world) {
        if question.name.contains(part) {
            measure(&world, &view, &files, &question);
        }
    }
    look_up(&world, &view, &files);
}

struct World {
    rows: u64,
    paths: u64,
    companies: u64,
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn company(number: u64) -> CompanyId {
    CompanyId::from_random(
        u128::from(number + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c92)
            .to_be_bytes(),
    )
}

fn client(number: u64) -> ClientId {
    ClientId::from_random(
        u128::from(number + 1)
            .wrapping_mul(0xd134_2543_de82_ef95_9e37_79b9)
            .to_be_bytes(),
    )
}

fn key(number: u64) -> KeyId {
    KeyId::from_random(
        u128::from(number + 1)
            .wrapping_mul(0xaf25_1af3_b0f0_25b5_1234_5679)
            .to_be_bytes(),
    )
}

impl World {
    fn scope(&self) -> Scope {
        Scope::WithBrands {
            company: company(self.root(3)),
            client_id: client(self.root(3)),
        }
    }

    fn root(&self, company: u64) -> u64 {
        if self.companies > 100 { company } else { 0 }
    }

    fn path(&self, number: u64) -> String {
        match number {
            0..6 => format!(
                "/v1/{}/",
                ["users", "orders", "tasks", "links", "companies", "bridge-tokens"][number as usize]
            ),
            _ => format!("/v1/links/{number:06x}/report/"),
        }
    }

    fn row(&self, number: u64, dice: &mut Dice) -> StoredEntry {
        // A few rows are late by up to a second.
        let late = if dice.roll(50) == 0 {
            dice.roll(1000) as i64
        } else {
            0
        };
        let at =
            Timestamp::from_millis(BEGIN + (number as i64 * (RANGE / 1000) / self.rows as i64) * 1000 - late);
        let status = match dice.roll(1000) {
            0..900 => 200,
            900..940 => 201,
            940..960 => 404,
            960..975 => 401,
            975..985 => 429,
            985..995 => 500,
            _ => 503,
        };
        let of = dice.roll(self.companies);
        let used = dice.roll(12);
        let mut random = [0; 10];
        random[..8].copy_from_slice(&dice.roll(u64::MAX).to_be_bytes());
        let path = if self.paths <= 3_006 && dice.roll(10) < 7 {
            dice.roll(6)
        } else {
            dice.roll(self.paths)
        };
        StoredEntry {
            request_id: RequestId::time_ordered(at, random),
            at,
            place: Place {
                root: company(self.root(of)),
                company: company(of),
                client_id: client(of),
                brand: (self.root(of) != of).then(|| format!("Brand {of}")),
            },
            environment: Some(Environment::ALL[(used % 3) as usize]),
            key: Some(KeyTrace {
                id: key(used),
                last_four: format!("{used:04x}"),
            }),
            recorded: Recorded::Gateway,
            method: if status == 201 { "POST" } else { "GET" }.to_owned(),
            path: self.path(path),
            status,
            verdict: if status == 401 {
                Verdict::UnknownSecret
            } else {
                Verdict::Accepted
            },
            verdict_detail: String::new(),
            error_code: None,
            duration_us: 1000 + dice.roll(100_000) * dice.roll(10) / 5,
            upstream_us: Some(900 + dice.roll(20_000)),
            address: format!("192.0.2.{}", dice.roll(250)),
            user_agent: Some("curl/8.11".to_owned()),
            request_headers: Vec::new(),
            request_body: absent(),
            response_headers: Vec::new(),
            response_body: absent(),
        }
    }
}

const fn absent() -> Body {
    Body::Absent {
        why: BodyAbsence::Empty,
        total_bytes: 0,
    }
}

fn fill(world: &World, files: &Files) -> View {
    let mut dice = Dice(88_172_645_463_325_252);
    let mut view = View::default();
    let (mut bytes, mut heads) = (0, 0);
    let (mut appending, mut encoding) = (Duration::ZERO, Duration::ZERO);
    let mut number = 0;
    while number < world.rows {
        let id = SegmentId(view.closed.len() as i64 + 1);
        let mut open = Open::new(id, Day(0));
        while number < world.rows && open.rows() < ROWS as u32 {
            let until = world.rows.min(number + 1024);
            let batch: Vec<StoredEntry> = (number..until)
                .map(|number| world.row(number, &mut dice))
                .collect();
            let began = Instant::now();
            open.append(number as i64 + 1, &batch);
            appending += began.elapsed();
            number = until;
        }
        let began = Instant::now();
        let encoded = open.encode().expect("it has rows");
        encoding += began.elapsed();
        bytes += encoded.rows.len();
        heads += encoded.head.len();
        std::fs::write(files.path(id), &encoded.rows).expect("a file");
        let head = Arc::new(Head::parse(id, &encoded.head).expect("a head"));
        view.closed.push(Closed {
            head,
            bodies_kept: true,
        });
    }
    let per_row = |bytes: usize| bytes as f64 / world.rows as f64;
    say(&format!(
        "{} rows in {} segments, {:.1} bytes a row and {:.2} in heads; {:.0} rows a second appended, {:.0} encoded",
        world.rows,
        view.closed.len(),
        per_row(bytes),
        per_row(heads),
        world.rows as f64 / appending.as_secs_f64(),
        world.rows as f64 / encoding.as_secs_f64(),
    ));
    view
}

struct Asked {
    name: &'static str,
    question: Question,
}

fn questions(world: &World) -> Vec<Asked> {
    let mut all = Vec::new();
    let mut ask = |name, conditions: Conditions, change: fn(&mut Question)| {
        let mut question = Question {
            from: Timestamp::from_millis(BEGIN - 10_000),
            to: Timestamp::from_millis(BEGIN + RANGE),
            conditions,
            before: None,
            as_of: None,
            after: None,
            rows: 50,
            count: true,
            histogram: None,
            callers: false,
            facets: false,
            groups: None,
            budget: Duration::from_secs(2),
        };
        change(&mut question);
        all.push(Asked { name, question });
    };
    let nothing = |_: &mut Question| {};
    let everything = Conditions::default;
    let path = |part: &str| Conditions {
        path: Choice::only(Some(part.to_owned())),
        ..Conditions::default()
    };
    let status = |status| Conditions {
        status: Choice::only(Some(StatusFilter::Exactly(status))),
        ..Conditions::default()
    };
    let brand = client(3);
    ask("newest", everything(), nothing);
    ask("newest, rows only", everything(), |question| {
        question.count = false
    });
    ask("page 20", everything(), |question| {
        question.before = Some(1_000_000)
    });
    ask("newest + histogram", everything(), |question| {
        question.histogram = Some(60)
    });
    ask("newest + facets", everything(), |question| question.facets = true);
    ask("errors in groups", everything(), |question| {
        (question.rows, question.count) = (0, false);
        question.groups = Some(Groups::Errors { parts: 30 });
    });
    ask("endpoints", everything(), |question| {
        (question.rows, question.count) = (0, false);
        question.groups = Some(Groups::Endpoints(model::EndpointOrder::Requests));
    });
    ask("an hour of the middle", everything(), |question| {
        question.from = Timestamp::from_millis(BEGIN + RANGE / 2);
        question.to = question.from.plus_seconds(3600);
        question.histogram = Some(60);
    });
    ask(
        "one brand",
        Conditions {
            client: Choice::only(Some(brand)),
            ..everything()
        },
        nothing,
    );
    ask("status 503", status(503), nothing);
    ask(
        "5xx + histogram",
        Conditions {
            status: Choice::only(Some(StatusFilter::Class(5))),
            ..everything()
        },
        |question| {
            question.histogram = Some(60);
        },
    );
    ask(
        "brand and 503",
        Conditions {
            client: Choice::only(Some(brand)),
            ..status(503)
        },
        nothing,
    );
    ask(
        "key and brand and 404",
        Conditions {
            key: Choice::only(Some(key(3))),
            client: Choice::only(Some(brand)),
            ..status(404)
        },
        nothing,
    );
    ask(
        "environment and 401, facets",
        Conditions {
            environment: Choice::only(Some(Environment::Prod)),
            ..status(401)
        },
        |question| {
            question.facets = true;
        },
    );
    ask("status 418, absent", status(418), nothing);
    ask(
        "at least 150 ms",
        Conditions {
            duration_us: Choice::only(Some((150_000, u64::MAX))),
            ..everything()
        },
        nothing,
    );
    ask(
        "address",
        Conditions {
            address: Choice::only(Some("192.0.2.7".to_owned())),
            ..everything()
        },
        nothing,
    );
    ask("path, one value", path(&world.path(world.paths / 2)), nothing);
    ask("path, common", path("/v1/links"), nothing);
    ask("path, common + histogram", path("/v1/links"), |question| {
        question.histogram = Some(60)
    });
    ask("path, absent", path("/nothing"), nothing);
    ask(
        "path and 503",
        Conditions {
            path: path("00/report").path,
            ..status(503)
        },
        nothing,
    );
    all
}

fn measure(world: &World, view: &View, files: &Files, asked: &Asked) {
    let cache = Cache::new(CACHE);
    let source = Source {
        view,
        container: files,
        cache: &cache,
    };
    let mut times = Vec::new();
    let mut count = logs::Count::NotAsked;
    for _ in 0..=TIMES {
        let began = Moment::now();
        let found = source
            .answer(world.scope(), &asked.question, &|| false)
            .expect("an answer");
        times.push(began.elapsed());
        count = found.count;
    }
    report(
        asked.name,
        times,
        &format!("{count:?}, cache {:.1} MB", cache.stats().bytes as f64 / 1e6),
    );
}

fn look_up(world: &World, view: &View, files: &Files) {
    let cache = Cache::new(CACHE);
    let source = Source {
        view,
        container: files,
        cache: &cache,
    };
    let mut dice = Dice(88_172_645_463_325_252);
    let row = (0..world.rows.min(100_000))
        .map(|number| world.row(number, &mut dice))
        .filter(|row| row.place.root == company(world.root(3)))
        .last();
    let id = row.expect("a row").request_id;
    let mut times = Vec::new();
    for _ in 0..=TIMES {
        let began = Moment::now();
        let found = source.entry(world.scope(), id).expect("an answer");
        times.push(began.elapsed());
        assert_eq!(found.map(|entry| entry.row.request_id), Some(id));
    }
    report("one id", times, "");
}

/// When a repetition began: on the wall, and in the time that this thread was running.
struct Moment(Instant, Duration);

impl Moment {
    fn now() -> Self {
        Self(Instant::now(), running())
    }

    fn elapsed(&self) -> (Duration, Duration) {
        (self.0.elapsed(), running() - self.1)
    }
}

fn running() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn report(name: &str, mut times: Vec<(Duration, Duration)>, more: &str) {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let first = times.remove(0);
    let mut running: Vec<Duration> = times.iter().map(|(_, running)| *running).collect();
    running.sort();
    times.sort();
    say(&format!(
        "{name:28} first {:7.2} ms (running {:7.2}), then {:7.2} (running {:7.2}), slowest {:7.2}   {more}",
        ms(first.0),
        ms(first.1),
        ms(times[times.len() / 2].0),
        ms(running[running.len() / 2]),
        ms(times[times.len() - 1].0),
    ));
}

#[expect(clippy::print_stdout, reason = "a program that prints what it measures")]
fn say(line: &str) {
    println!("{line}");
}

#[derive(Debug)]
struct Files(PathBuf);

impl Files {
    fn path(&self, id: SegmentId) -> PathBuf {
        self.0.join(id.0.to_string())
    }
}

impl Container for Files {
    fn read(&self, wanted: &[Wanted]) -> Result<Vec<Bytes>, ReadError> {
        let unavailable = |error| ReadError::Unavailable(Box::new(error));
        let mut open: Option<(SegmentId, File)> = None;
        let mut found = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            if open.as_ref().is_none_or(|(id, _)| *id != wanted.segment) {
                let file = File::open(self.path(wanted.segment)).map_err(unavailable)?;
                open = Some((wanted.segment, file));
            }
            let Some((_, file)) = &open else { continue };
            let mut bytes = vec![0; (wanted.range.end - wanted.range.start) as usize];
            file.read_exact_at(&mut bytes, wanted.range.start)
                .map_err(unavailable)?;
            found.push(Bytes::from(bytes));
        }
        Ok(found)
    }
}
