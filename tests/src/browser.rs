//! A headless Chromium, driven over its debugging pipe (the Chrome DevTools Protocol, <https://chromedevtools.github.io/devtools-protocol/>):
//! messages of JSON, each ended by a zero byte, on descriptors 3 and 4. So no port is needed.

use crate::wait;
use anyhow::{Context, Result, bail, ensure};
use ct_codecs::{Base64, Decoder as _};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

/// Names the folder that keeps a test's pictures, if any is to.
pub const PICTURES_VARIABLE: &str = "SYSTEM_TESTS_PICTURES";

/// Nothing on a page, and no answer of the browser's, takes longer.
const LIMIT: Duration = Duration::from_secs(60);
/// A shell gives the browser its two pipes where it looks for them.
const START: &str = "exec chromium \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null";

/// A running browser with one page; ended when dropped.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    requests: ChildStdin,
    /// What it says, read by a thread that ends with it, so that nobody waits for it for ever.
    messages: Receiver<Vec<u8>>,
    session: String,
    last_id: u64,
    /// WebSockets that the page has opened.
    sockets: usize,
    /// What its console complains of.
    complaints: Vec<String>,
    _profile: TempDir,
}

impl Browser {
    /// Starts it and opens that page.
    ///
    /// # Errors
    /// When there is no Chromium, or it does not start.
    pub fn open(url: &str) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut command = Command::new("sh");
        command.args(["-c", START, "chromium", "--headless=new", "--remote-debugging-pipe", "--no-first-run"]);
        command.args(["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--mute-audio"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let requests = child.stdin.take().context("a pipe")?;
        let said = BufReader::new(child.stdout.take().context("a pipe")?).split(0);
        let (sender, messages) = channel();
        std::thread::spawn(move || said.map_while(Result::ok).try_for_each(|message| sender.send(message)));
        let (session, complaints) = (String::new(), Vec::new());
        let mut browser =
            Self { child, requests, messages, session, last_id: 0, sockets: 0, complaints, _profile: profile };
        browser.attach().context("there is no chromium that works: install it (Debian: apt-get install chromium)")?;
        browser.ask("Page.navigate", json!({ "url": url }))?;
        Ok(browser)
    }

    fn attach(&mut self) -> Result<()> {
        let target = self.ask("Target.createTarget", json!({ "url": "about:blank" }))?["targetId"].take();
        let attached = self.ask("Target.attachToTarget", json!({ "targetId": target, "flatten": true }))?;
        attached["sessionId"].as_str().context("a session")?.clone_into(&mut self.session);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.ask(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(())
    }

    /// Asks the browser, and notes what it tells meanwhile.
    fn ask(&mut self, method: &str, params: Value) -> Result<Value> {
        self.last_id += 1;
        let mut request = json!({ "id": self.last_id, "method": method, "params": params });
        if !self.session.is_empty() {
            request["sessionId"] = self.session.as_str().into();
        }
        self.requests.write_all(format!("{request}\0").as_bytes())?;
        loop {
            let mut message = self.message()?;
            if message["id"] == self.last_id {
                ensure!(message["error"].is_null(), "{method}: {}", message["error"]);
                return Ok(message["result"].take());
            }
            self.note(&message);
        }
    }

    fn message(&mut self) -> Result<Value> {
        let bytes = self.messages.recv_timeout(LIMIT).context("the browser has gone, or says nothing")?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    fn note(&mut self, message: &Value) {
        let params = &message["params"];
        match message["method"].as_str() {
            Some("Network.webSocketCreated") => self.sockets += 1,
            Some("Runtime.consoleAPICalled")
                if matches!(params["type"].as_str(), Some("error" | "warning" | "assert")) =>
            {
                self.complaints.push(params.to_string());
            }
            Some("Runtime.exceptionThrown") => self.complaints.push(params.to_string()),
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => self.complaints.push(params.to_string()),
            _ => {}
        }
    }

    /// What an expression comes to on the page.
    ///
    /// # Errors
    /// When it throws.
    pub fn eval(&mut self, expression: &str) -> Result<Value> {
        let params = json!({ "expression": expression, "returnByValue": true });
        let mut result = self.ask("Runtime.evaluate", params)?;
        if !result["exceptionDetails"].is_null() {
            bail!("{expression}: {}", result["exceptionDetails"]);
        }
        Ok(result["result"]["value"].take())
    }

    /// Waits until an expression is true on the page.
    ///
    /// # Errors
    /// When it is not in time; the page's text is in the error.
    pub fn until(&mut self, expression: &str) -> Result<()> {
        let is_true = wait::until(expression, LIMIT, || self.eval(expression).ok().filter(|value| *value == true));
        if let Err(error) = is_true {
            let text = self.eval("document.body.innerText")?;
            bail!("{error:#}; the page: {text}");
        }
        Ok(())
    }

    /// Types a line where the page's focus is, and Enter.
    ///
    /// # Errors
    /// When the browser has gone.
    pub fn enter(&mut self, text: &str) -> Result<()> {
        self.ask("Input.insertText", json!({ "text": text }))?;
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { "\r" } else { "" };
            let key = json!({
                "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": text,
            });
            self.ask("Input.dispatchKeyEvent", key)?;
        }
        Ok(())
    }

    /// From here on, whatever the page sends or gets takes that long.
    ///
    /// # Errors
    /// When the browser has gone.
    pub fn set_latency(&mut self, latency: Duration) -> Result<()> {
        let latency = u64::try_from(latency.as_millis())?;
        let conditions = json!({
            "offline": false, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.ask("Network.emulateNetworkConditions", conditions).map(drop)
    }

    /// Shows the page as large as that, light or dark.
    ///
    /// # Errors
    /// When the browser has gone.
    pub fn show_as(&mut self, (width, height): (u32, u32), is_dark: bool) -> Result<()> {
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.ask("Emulation.setEmulatedMedia", features)?;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", metrics).map(drop)
    }

    /// A picture of what is seen, as PNG.
    ///
    /// # Errors
    /// When the browser has gone.
    pub fn picture(&mut self) -> Result<Vec<u8>> {
        let shot = self.ask("Page.captureScreenshot", json!({ "format": "png" }))?;
        Ok(Base64::decode_to_vec(shot["data"].as_str().context("a picture")?, None)?)
    }

    /// How many WebSockets the page has opened so far.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.sockets
    }

    /// What the page's console has complained of so far.
    #[must_use]
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have gone by itself.
        let _: Result<Value> = self.ask("Browser.close", json!({}));
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.child.wait();
    }
}
