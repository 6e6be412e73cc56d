//! A place of its own for each test, the binary, and an HTTP client that sends exactly what it is told.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

mod http;

pub use http::{Answer, Http};

/// Longest that anything may take before a test gives up on it; far beyond what a slow machine needs.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A working directory with a data directory `data` in it. Whatever a command leaves behind lands here.
pub struct Place {
    directory: TempDir,
}

/// What `init` printed.
pub struct Made {
    pub key: String,
    pub json: Value,
}

/// What a command that ended said.
pub struct Said {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// A command that runs, killed when dropped.
pub struct Running {
    child: Child,
    stderr: Receiver<String>,
    heard: String,
}

/// A server that answers.
pub struct Server {
    pub running: Running,
    pub http: Http,
}

impl Place {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The binary in this place, with nothing of the tester's own settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dauphin"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DAUPHIN_")) {
            command.env_remove(name);
        }
        command.current_dir(self.directory.path()).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs a command, words parted by spaces, to its end.
    pub fn run(&self, line: &str) -> Said {
        said(&mut self.command(&line.split_whitespace().collect::<Vec<_>>()))
    }

    /// Runs a command that must succeed and print one line of JSON.
    pub fn run_json(&self, line: &str) -> Value {
        let said = self.run(line);
        assert_eq!(said.code, 0, "{line}: {}", said.stderr);
        serde_json::from_slice(&said.stdout).unwrap()
    }

    /// Makes the data directory `data`.
    pub fn init(&self, arguments: &str) -> Made {
        let json = self.run_json(&format!("init --data data {arguments}"));
        Made { key: json["api_key"].as_str().unwrap().to_owned(), json }
    }

    /// Begins a command.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::of(&mut self.command(arguments))
    }

    /// Serves `data` on a port of the system's choice.
    pub fn serve(&self, key: &str, arguments: &[&str]) -> Server {
        let mut all = vec!["serve", "--data", "data", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        let mut running = self.start(&all);
        let url = running.wait_for_line("listening on http://").rsplit_once(' ').unwrap().1.to_owned();
        Server { running, http: Http::new(&url, key) }
    }
}

/// Runs a command to its end.
pub fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Said { code: output.status.code().expect("no signal ended it"), stdout: output.stdout, stderr }
}

impl Said {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// It must have failed with this code, nothing on stdout, and every one of `words` on stderr.
    pub fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}", self.stderr);
        assert_eq!(self.text(), "");
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in: {}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }
}

impl Running {
    pub fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, stderr) = channel();
        // Ends with the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).all(|line| sender.send(line).is_ok()));
        Self { child, stderr, heard: String::new() }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line on stderr, from here on, that has `text` in it.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.stderr.recv_timeout(left) {
                Ok(line) => {
                    self.heard.push_str(&line);
                    self.heard.push('\n');
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no `{text}` in: {}", self.heard),
                Err(RecvTimeoutError::Disconnected) => panic!("ended without `{text}`: {}", self.heard),
            }
        }
    }

    /// A line on stderr that was heard already.
    pub fn heard_line(&self, text: &str) -> &str {
        let line = self.heard.lines().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("no `{text}` in: {}", self.heard))
    }

    /// The first lines of stdout, up to the one that has `text` in it.
    pub fn stdout_until(&mut self, text: &str) -> String {
        let mut stdout = BufReader::new(self.child.stdout.take().expect("stdout is read once"));
        let mut heard = String::new();
        while !heard.contains(text) {
            assert_ne!(stdout.read_line(&mut heard).unwrap(), 0, "no `{text}` in: {heard}");
        }
        heard
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What `kill -9` or a power cut does.
    pub fn kill9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as an init system does; it must end well.
    pub fn terminate(self) -> Said {
        let told = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap();
        assert!(told.success());
        let said = self.finish();
        assert_eq!(said.code, 0, "{}", said.stderr);
        said
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Said {
        let mut stdout = Vec::new();
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_end(&mut stdout).unwrap();
        }
        eventually("the process ends", || self.child.try_wait().unwrap().is_some());
        let code = self.child.wait().unwrap().code().expect("no signal ended it");
        let mut stderr = std::mem::take(&mut self.heard);
        for line in &self.stderr {
            stderr.push_str(&line);
            stderr.push('\n');
        }
        Said { code, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub fn kill9(self) {
        self.running.kill9();
    }

    pub fn terminate(self) -> Said {
        self.running.terminate()
    }
}

/// Looks again and again, with a breath between, until it is so.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
