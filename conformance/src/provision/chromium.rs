//! A private Chromium without a window, driven by its own protocol over two pipes: what a person does with a page is
//! done by real key presses and clicks, and what they see is read back.
//!
//! Pipes need neither a port nor a WebSocket. A shell gives the browser the descriptors 3 and 4 that it expects.

use super::{Scratch, install, program, run};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long what is clicked stays where it is before it is: longer than a page takes to draw.
const REST: Duration = Duration::from_millis(40);

/// A browser with one page.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    words: File,
    answers: Receiver<Value>,
    session: Option<String>,
    asked: u64,
    /// What went wrong in the page so far: errors of its script, and what its policy refused.
    pub complaints: Vec<String>,
    _home: Scratch,
}

/// The program, if it is on this machine or may be installed.
///
/// # Errors
/// Says what is absent.
pub fn binary() -> Result<PathBuf, String> {
    let found = || program("chromium", &[PathBuf::from("/usr/bin")]);
    match found() {
        Some(path) => Ok(path),
        None => {
            install("chromium")?;
            found().ok_or_else(|| "the package chromium brought no chromium".to_owned())
        }
    }
}

impl Browser {
    /// Starts one.
    ///
    /// # Errors
    /// Says what is absent, or what did not start.
    pub fn start() -> Result<Browser, String> {
        let binary = binary()?;
        let home = Scratch::new("chromium").map_err(|e| e.to_string())?;
        let [to, from] = ["to", "from"].map(|name| home.0.join(name));
        run(Command::new("mkfifo").args([&to, &from]))?;
        let mut command = Command::new("sh");
        command.arg("-c").arg("exec \"$0\" \"$@\" 3<to 4>from").arg(binary).current_dir(&home.0);
        // Tests often run as root, where the sandbox does not start; the pages are our own.
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"]);
        command.arg(format!("--user-data-dir={}", home.0.join("profile").display()));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.map_err(|e| format!("failed to start chromium: {e}"))?;
        // In this order the shell opens them, and each waits for its other end.
        let words = OpenOptions::new().write(true).open(&to).map_err(|e| e.to_string())?;
        let from = File::open(&from).map_err(|e| e.to_string())?;
        let (sender, answers) = channel();
        thread::spawn(move || {
            for word in BufReader::new(from).split(0).map_while(Result::ok) {
                let Ok(word) = serde_json::from_slice(&word) else { break };
                if sender.send(word).is_err() {
                    break;
                }
            }
        });
        let mut browser =
            Browser { child, words, answers, session: None, asked: 0, complaints: Vec::new(), _home: home };
        let page = browser.call("Target.createTarget", &json!({"url": "about:blank"}))?;
        let attached = json!({"targetId": page["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", &attached)?;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}))?;
        }
        Ok(browser)
    }

    /// Asks the browser something, by the name of its protocol, and waits for the answer.
    ///
    /// # Errors
    /// It refuses, has gone, or takes too long.
    pub fn call(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.asked += 1;
        let mut word = json!({"id": self.asked, "method": method, "params": params});
        if let Some(session) = &self.session {
            word["sessionId"] = json!(session);
        }
        let mut bytes = word.to_string().into_bytes();
        bytes.push(0);
        self.words.write_all(&bytes).map_err(|e| format!("{method}: {e}"))?;
        loop {
            let mut answer = self.answers.recv_timeout(PATIENCE).map_err(|e| format!("{method}: {e}"))?;
            if answer["id"] == json!(self.asked) {
                return match answer.get("error") {
                    Some(error) => Err(format!("{method}: {error}")),
                    None => Ok(answer["result"].take()),
                };
            }
            if ["Runtime.exceptionThrown", "Log.entryAdded"].iter().any(|complaint| answer["method"] == *complaint) {
                self.complaints.push(answer["params"].to_string());
            }
        }
    }

    /// Opens a file, and waits until its script says that it is ready.
    ///
    /// # Errors
    /// It never is.
    pub fn open(&mut self, file: &Path) -> Result<(), String> {
        self.call("Page.navigate", &json!({"url": format!("file://{}", file.display())}))?;
        let until = Instant::now() + PATIENCE;
        while self.read("document.documentElement?.dataset.ready ?? ''")? != json!("yes") {
            if Instant::now() > until {
                return Err(format!("{} is not ready: {:?}", file.display(), self.complaints));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The value of an expression in the page.
    ///
    /// # Errors
    /// It throws.
    pub fn read(&mut self, expression: &str) -> Result<Value, String> {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", &params)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(format!("{expression}: {thrown}")),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Presses a key; `shift` with it.
    ///
    /// # Errors
    /// The browser refuses.
    pub fn press(&mut self, key: &str, shift: bool) -> Result<(), String> {
        for kind in ["rawKeyDown", "keyUp"] {
            let params = json!({"type": kind, "key": key, "code": key, "modifiers": if shift { 8 } else { 0 }});
            self.call("Input.dispatchKeyEvent", &params)?;
        }
        Ok(())
    }

    /// Clicks on the first element that a selector names, in its middle.
    ///
    /// # Errors
    /// There is none.
    pub fn click(&mut self, selector: &str) -> Result<(), String> {
        let place = format!(
            "(() => {{ const e = document.querySelector({}); \
             e.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            json!(selector)
        );
        // A list that is still being drawn moves under the pointer.
        let until = Instant::now() + PATIENCE;
        let (mut before, mut at) = (Value::Null, self.read(&place)?);
        while before != at {
            if Instant::now() > until {
                return Err(format!("{selector} does not come to rest"));
            }
            thread::sleep(REST);
            (before, at) = (at, self.read(&place)?);
        }
        let place = at;
        for kind in ["mousePressed", "mouseReleased"] {
            let params = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", &params)?;
        }
        Ok(())
    }

    /// Shows the page in a window of this width and height, as a telephone does or not.
    ///
    /// # Errors
    /// The browser refuses.
    pub fn resize(&mut self, width: u32, height: u32, mobile: bool) -> Result<(), String> {
        let params = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.call("Emulation.setDeviceMetricsOverride", &params).map(drop)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked to, it ends with all its processes; if it does not, it is ended.
        let _ = self.words.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let until = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
