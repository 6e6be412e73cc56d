//! Files by URL, from a server that speaks S3.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use arrow_array::{Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use crate::avro_file::{Values, file, schema};
use crate::support::{Http, PATIENCE, Place, Running, Said, said};

/// The server, as its package registry has it.
const PACKAGES: [&str; 3] = ["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"];

/// A server with a bucket `rows`.
struct Store {
    _running: Running,
    http: Http,
}

/// Where the server is installed. `None` where the registry cannot be reached.
fn installed() -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(install).clone()
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests shall know what was left out")]
fn install() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto-5.2.5");
    let done = folder.join("installed");
    if !done.exists() {
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"];
        let run = Command::new("python3").args(pip).arg(&folder).args(PACKAGES).output();
        match run {
            Ok(output) if output.status.success() => fs::write(done, "").unwrap(),
            other => {
                println!("skipped: no S3 server could be installed: {other:?}");
                return None;
            }
        }
    }
    Some(folder)
}

impl Store {
    fn start() -> Option<Self> {
        let folder = installed()?;
        let mut command = Command::new("python3");
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]).env("PYTHONPATH", folder);
        let mut running = Running::of(&mut command);
        let line = running.wait_for_line("Running on http://");
        let store = Self { _running: running, http: Http::new(line.rsplit_once(' ').unwrap().1, "") };
        store.put("/rows", b"");
        Some(store)
    }

    /// It checks no signature, only that there is one.
    fn put(&self, target: &str, content: &[u8]) {
        let signed =
            "AWS4-HMAC-SHA256 Credential=test/20180628/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let answer = self.http.send("PUT", target, &[("Authorization", signed)], content);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    }
}

/// Imports with the environment that leads to the store at `url`.
fn import(place: &Place, url: &str, arguments: &str) -> Said {
    let mut all = vec!["import", "--data", "data"];
    all.extend(arguments.split_whitespace());
    let settings = [
        ("AWS_ENDPOINT", url),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
    ];
    said(place.command(&all).envs(settings))
}

fn counts(said: &Said) -> [u64; 4] {
    assert_eq!(said.code, 0, "{}", said.stderr);
    let json: Value = serde_json::from_slice(&said.stdout).unwrap();
    ["rows", "new_user_days", "repeats", "rejected"].map(|name| json[name].as_u64().unwrap())
}

fn series(place: &Place) -> String {
    let said = place.run("series --data data --length 100 --ending-at 2018-04-11 --format csv --metric mau");
    assert_eq!(said.code, 0, "{}", said.stderr);
    said.text().to_owned()
}

/// Row `number` of so many: who, and when in Unix seconds.
fn row(number: i64) -> (String, i64) {
    (format!("user-{}", number * 31 % 5_003), 1_514_764_800 + number * 7 % 100 * 86_400)
}

/// Longer than what is read of an object at once.
fn csv(rows: std::ops::Range<i64>) -> String {
    let mut csv = "user_id,padding,time\n".to_owned();
    for number in rows {
        let (user, time) = row(number);
        writeln!(csv, "{user},{:x>250},{time}", "").unwrap();
    }
    csv
}

fn parquet(rows: std::ops::Range<i64>) -> Vec<u8> {
    let rows: Vec<(String, i64)> = rows.map(row).collect();
    let users = StringArray::from_iter_values(rows.iter().map(|(user, _)| format!("{user:>60}").replace(' ', "-")));
    let times = Int64Array::from_iter_values(rows.iter().map(|(_, time)| *time));
    let batch =
        RecordBatch::try_from_iter([("user_id", Arc::new(users) as _), ("time", Arc::new(times) as _)]).unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::PLAIN)
        .set_max_row_group_row_count(Some(50_000))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn avro(rows: std::ops::Range<i64>) -> Vec<u8> {
    let rows: Vec<Values> = rows.map(row).map(|(user, time)| Values::default().text(&user).long(time)).collect();
    file(&schema("Row", "user_id:text time:long"), 1_000, &rows)
}

#[test]
fn by_url_as_from_the_disk() {
    let Some(store) = Store::start() else { return };
    let files = [
        ("2018/1/a.csv", csv(0..70_000).into_bytes()),
        ("2018/1/b.csv.zst", zstd::encode_all(csv(60_000..80_000).as_bytes(), 1).unwrap()),
        ("2018/2/c.parquet", parquet(80_000..200_000)),
        ("2018/2/d.avro", avro(0..20_000)),
        ("2018/2/readme.txt", b"no rows".to_vec()),
        ("2018/3/bad.csv", b"user_id,time\nada,soon\n".to_vec()),
    ];
    assert!(files[0].1.len() > 16 << 20 && files[2].1.len() > 6 << 20, "{} {}", files[0].1.len(), files[2].1.len());
    let (local, remote) = (Place::new(), Place::new());
    for place in [&local, &remote] {
        place.init("");
    }
    for (name, content) in &files {
        fs::create_dir_all(local.path(name).parent().unwrap()).unwrap();
        local.write(name, content);
        store.put(&format!("/rows/{name}"), content);
    }
    let names = ["2018/1/*", "2018/2/c.parquet", "2018/*/d.avro", "2018/3/bad.csv"];
    let urls = names.map(|name| format!("s3://rows/{name}")).join(" ");
    let of_urls = counts(&import(&remote, &store.http.url, &urls));
    assert_eq!(of_urls, counts(&local.run(&format!("import --data data {}", names.join(" ")))));
    assert_eq!(of_urls[0], 70_000 + 20_000 + 120_000 + 20_000 + 1);
    assert_eq!(series(&remote), series(&local));
    // The rejected row is named by its URL. Again, and nothing changes.
    let reject: Value = serde_json::from_str(&remote.read("dauphin.rejects.ndjson")).unwrap();
    assert_eq!((reject["file"].as_str(), reject["line"].as_u64()), (Some("s3://rows/2018/3/bad.csv"), Some(2)));
    assert_eq!(counts(&import(&remote, &store.http.url, &urls))[1], 0);
    // `file://` is the disk.
    let here = format!("file://{}/*.avro", local.path("2018/2").display());
    assert_eq!(counts(&local.run(&format!("import --data data {here}"))), [20_000, 0, 20_000, 0]);

    for (url, words) in [
        ("s3://rows/2018/9/none.csv", "look for `s3://rows/2018/9/none.csv`"),
        ("s3://rows/2018/9/*.csv", "there is no file `s3://rows/2018/9/*.csv`"),
        ("s3://rows", "`s3://rows` names no file; write it like `s3://BUCKET/KEY`"),
        ("s3://rows/2018/2/*.txt", "`s3://rows/2018/2/readme.txt`: the name does not say how rows are kept"),
        ("ftp://rows/a.csv", "`ftp://rows/a.csv` is a URL of a kind that cannot be read"),
    ] {
        import(&remote, &store.http.url, url).refused(1, &[words]);
    }
}

/// Passes requests on to the store, but for every third, which gets an answer that says: later.
fn unsteady(store: &Http) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (upstream, refused) = (store.authority().to_owned(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&refused);
    // Ends with the process.
    std::thread::spawn(move || {
        for (number, connection) in listener.incoming().enumerate() {
            let mut connection = connection.unwrap();
            let request = head(&mut connection);
            if number % 3 == 0 {
                count.fetch_add(1, Ordering::Relaxed);
                let later = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                connection.write_all(later).unwrap();
                continue;
            }
            let mut onward = TcpStream::connect(&upstream).unwrap();
            onward.set_read_timeout(Some(PATIENCE)).unwrap();
            onward.write_all(request.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes()).unwrap();
            // The client may have enough before the end.
            let _ = std::io::copy(&mut onward, &mut connection);
        }
    });
    (url, refused)
}

/// What a client sends up to the empty line; only requests without a body are passed on.
fn head(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn a_failure_that_passes_is_tried_again() {
    let Some(store) = Store::start() else { return };
    store.put("/rows/a.csv", csv(0..70_000).as_bytes());
    store.put("/rows/b.parquet", &parquet(0..60_000));
    let (url, refused) = unsteady(&store.http);
    let place = Place::new();
    place.init("");
    let [rows, _, _, rejected] = counts(&import(&place, &url, "s3://rows/*"));
    assert_eq!((rows, rejected), (130_000, 0));
    assert!(refused.load(Ordering::Relaxed) > 2, "nothing failed");
}
