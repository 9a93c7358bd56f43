//! What the tests of the command line stand on: a desk with an empty home to run the program at, and a
//! network whose answers a test decides. It is the network that is played here, never Keyward.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The program that this test run built.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_keyward");
/// No command may take longer than this; most take a few milliseconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// A person's machine: a home of its own, and nothing in the environment that the test didn't put there.
pub(crate) struct Desk {
    home: TempDir,
    variables: BTreeMap<String, String>,
    program: PathBuf,
}

/// What a command did.
pub(crate) struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let home = crate::evidence::folder();
        let folder = home.path().to_str().unwrap().to_owned();
        let variables =
            [("HOME", folder.as_str()), ("KEYWARD_CREDENTIAL_STORE", "file"), ("RUST_BACKTRACE", "1")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { home, variables: variables.into(), program: PathBuf::from(PROGRAM) }
    }

    /// A desk whose commands go to `network`.
    pub(crate) fn at(network: &Network) -> Self {
        Self::new().with("KEYWARD_URL", &network.url)
    }

    /// A desk whose commands go to `network` and act by an API key.
    pub(crate) fn by_key(network: &Network) -> Self {
        Self::at(network).with("KEYWARD_API_KEY", "vams_test")
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// The same desk, where the program is started under another name.
    #[cfg(unix)]
    pub(crate) fn under_name(mut self, name: &str) -> Self {
        self.program = self.home.path().join(name);
        std::os::unix::fs::symlink(PROGRAM, &self.program).unwrap();
        self
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A file of the program's own folder, `profiles/default/config.json`.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.home().join(".config/keyward").join(path)
    }

    /// Runs the program with these words on a terminal, and gives back what is seen there.
    #[cfg(target_os = "linux")]
    pub(crate) fn run_on_terminal(&self, words: &str) -> String {
        let line = format!("{} {words}", self.program.display());
        let mut command = Command::new("script");
        command.args(["-q", "-e", "-c", &line, "/dev/null"]).env_clear().envs(&self.variables);
        let output = command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").stdin(Stdio::null()).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    /// Starts the program with these words on a terminal, to be typed to.
    #[cfg(target_os = "linux")]
    pub(crate) fn at_terminal(&self, words: &str) -> Terminal {
        self.line_at_terminal(&format!("{} {words}", self.program.display()), self.home())
    }

    /// The same of a shell's line, in that folder.
    #[cfg(target_os = "linux")]
    pub(crate) fn line_at_terminal(&self, line: &str, folder: &Path) -> Terminal {
        let mut command = Command::new("script");
        command.args(["-q", "-e", "-c", line, "/dev/null"]).env_clear().envs(&self.variables);
        command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").current_dir(folder).stdin(Stdio::piped());
        let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
        let (sender, seen) = std::sync::mpsc::channel();
        let mut stdout = program.stdout.take().unwrap();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut bytes) {
                let _ = sender.send(String::from_utf8_lossy(&bytes[..length]).into_owned());
            }
        });
        Terminal { program, seen }
    }

    /// Runs the program with these words, stdin closed.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, "")
    }

    /// The program with these words, to be started.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).env_clear().envs(&self.variables).current_dir(self.home());
        command
    }

    /// Runs the program with these words, and this on stdin.
    pub(crate) fn run_with(&self, words: &[&str], stdin: &str) -> Ran {
        Self::finish(self.command(words), stdin)
    }

    /// Runs another program in that folder, stdin closed.
    pub(crate) fn run_other(&self, program: &str, words: &[&str], folder: &Path) -> Ran {
        let mut command = Command::new(program);
        command.args(words).env_clear().envs(&self.variables).env("PATH", "/usr/bin:/bin");
        command.current_dir(folder);
        Self::finish(command, "")
    }

    fn finish(mut command: Command, stdin: &str) -> Ran {
        let begun = Instant::now();
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that needs no stdin may be gone before it is written.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let id = child.id();
        let (sender, receiver) = std::sync::mpsc::channel();
        thread::spawn(move || sender.send(child.wait_with_output()));
        let Ok(output) = receiver.recv_timeout(PATIENCE) else {
            let _ = Command::new("kill").arg(id.to_string()).status();
            panic!("{:?} hangs", command.get_args());
        };
        let output = output.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        let ran =
            Ran { code, stdout: text(output.stdout), stderr: text(output.stderr), took: begun.elapsed() };
        assert!(!ran.stderr.contains("panicked"), "{:?}\n{ran}", command.get_args());
        ran
    }
}

/// A terminal at which the program runs.
#[cfg(target_os = "linux")]
pub(crate) struct Terminal {
    program: std::process::Child,
    seen: std::sync::mpsc::Receiver<String>,
}

#[cfg(target_os = "linux")]
impl Terminal {
    /// What is shown until this is.
    pub(crate) fn until(&mut self, awaited: &str) -> String {
        let mut shown = String::new();
        while !shown.contains(awaited) {
            let more = self.seen.recv_timeout(PATIENCE);
            shown += &more.unwrap_or_else(|_| panic!("{awaited} isn't shown: {shown}"));
        }
        shown
    }

    pub(crate) fn enter(&mut self, line: &str) {
        self.program.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Types what isn't shown. A program that asks for it switches the terminal to that only then, and forgets
    /// what was typed before, be it half a line.
    pub(crate) fn enter_secret(&mut self, line: &str) {
        let begun = Instant::now();
        while self.shows_what_is_typed() {
            assert!(begun.elapsed() < PATIENCE, "no secret is asked for");
            thread::sleep(Duration::from_millis(5));
        }
        self.enter(line);
    }

    fn shows_what_is_typed(&self) -> bool {
        let script = self.program.id();
        let children = std::fs::read_to_string(format!("/proc/{script}/task/{script}/children")).unwrap();
        let shell = children.split_whitespace().next().unwrap();
        let terminal = std::fs::read_link(format!("/proc/{shell}/fd/0")).unwrap();
        let settings = Command::new("stty").arg("-aF").arg(terminal).output().unwrap();
        !String::from_utf8(settings.stdout).unwrap().split_whitespace().any(|setting| setting == "-echo")
    }

    /// Waits until the program has ended well.
    pub(crate) fn end(mut self) {
        assert!(self.program.wait().unwrap().success());
    }
}

impl Ran {
    /// What the program printed, as JSON: all of stdout, and nothing on stderr.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stderr, "", "{self}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "exit {}", self.code)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                write!(formatter, "\n--- {name}\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}

/// A request as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Request {
    /// The operation of the Cognito protocol.
    pub(crate) fn operation(&self) -> &str {
        self.headers.get("x-amz-target").and_then(|target| target.split('.').next_back()).unwrap_or_default()
    }

    pub(crate) fn authorization(&self) -> &str {
        self.headers.get("authorization").map(String::as_str).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// What the network does with a request.
pub(crate) enum Reply {
    Json(u16, Value),
    /// Status, further header lines, body.
    Text(u16, &'static str, String),
    /// Nothing, for as long as the other side waits.
    Silence,
    /// The connection breaks.
    Cut,
}

/// A problem of the native API.
pub(crate) fn problem(status: u16, code: &str, detail: &str) -> Reply {
    Reply::Json(
        status,
        serde_json::json!({
            "type": format!("https://keyward.dev/problems/{code}"), "title": code, "status": status,
            "detail": detail, "code": code, "request_id": "01JD",
        }),
    )
}

/// A server of the test's own making, on a port of its own.
pub(crate) struct Network {
    pub url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Network {
    /// Answers each request as `answer` says, which is told the request and how many came before it.
    pub(crate) fn answering(answer: impl Fn(&Request, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let Some(request) = read(&mut stream) else { continue };
                let before = {
                    let mut seen = kept.lock().unwrap();
                    seen.push(request.clone());
                    seen.len() - 1
                };
                match answer(&request, before) {
                    Reply::Json(status, body) => {
                        send(&mut stream, status, "Content-Type: application/json\r\n", &body.to_string());
                    }
                    Reply::Text(status, headers, body) => send(&mut stream, status, headers, &body),
                    Reply::Silence => silent.push(stream),
                    Reply::Cut => drop(stream),
                }
            }
        });
        Self { url, seen }
    }

    /// Answers every request alike.
    pub(crate) fn always(status: u16, body: Value) -> Self {
        Self::answering(move |_, _| Reply::Json(status, body.clone()))
    }

    /// Every request that came so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

/// An address on this machine at which nobody listens.
pub(crate) fn deserted_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut lines = text.lines();
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < length {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => body.extend_from_slice(&buffer[..read]),
        }
    }
    Some(Request { method, path, headers, body: String::from_utf8(body).ok()? })
}

fn send(stream: &mut TcpStream, status: u16, headers: &str, body: &str) {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} Reply\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
}

#[cfg(unix)]
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Every file below `folder`.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
