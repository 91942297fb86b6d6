//! A terminal of so many columns, as a program sees it.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Runs a command in a terminal; returns its exit status and what the terminal got.
pub fn run(command: &mut Command, columns: u16) -> (i32, String) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("a terminal");
    let path = ptsname(&controller, Vec::new()).expect("a name").into_string().expect("text");
    let terminal = File::options().read(true).write(true).open(path).expect("a terminal");
    tcsetwinsize(&terminal, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).expect("a size");
    let stdio = || Stdio::from(terminal.try_clone().expect("a handle"));
    let mut child = command
        .env("TERM", "xterm-256color")
        .stdin(stdio())
        .stdout(stdio())
        .stderr(stdio())
        .spawn()
        .expect("it starts");
    // What the command holds of them goes too, so that the end of the child is the end of the terminal.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    drop(terminal);
    let mut seen = Vec::new();
    // The end of a terminal is an error on Linux.
    let _ = File::from(controller).read_to_end(&mut seen);
    (child.wait().expect("it ends").code().expect("a status"), String::from_utf8_lossy(&seen).into_owned())
}

/// Text of a terminal without colours and movements.
pub fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            // Control sequences end in a letter. Source: ECMA-48, section 5.4.
            '\u{1b}' => while letters.next().is_some_and(|letter| !letter.is_ascii_alphabetic()) {},
            letter => plain.push(letter),
        }
    }
    plain
}
