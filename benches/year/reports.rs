//! Reports of a whole registry: how long they take to read, and how long changes wait meanwhile.

use super::clients::Api;
use super::estate::{Estate, read_lines};
use super::figures::{Times, row};
use super::model::Model;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Changes that are measured with nothing beside them.
const ALONE: usize = 500;

/// Reads each report to its end while changes are made; a row for each.
pub fn measure(estate: &Estate, model: &Model) {
    row("a change alone", &changes(estate, model, &mut |done| done < ALONE).summary());
    let holds = model.names.iter().map(|name| name.holds.len()).sum::<usize>()
        + model.units.iter().map(|unit| unit.holds.len()).sum::<usize>();
    let expired = model.names.iter().filter(|name| name.registered && name.expires < model.today).count();
    let region = &model.units[0].region()[..2];
    let dates = format!("from={}&to={}", Model::FIRST_DAY, model.today);
    for (path, least) in [
        (format!("/v1/holds?{dates}"), holds + expired),
        (format!("/v1/holds?{dates}&format=csv"), holds + expired + 1),
        (format!("/v1/holds?{dates}&region={region}"), 0),
        ("/v1/site-reviews/held".to_owned(), 0),
        ("/v1/export".to_owned(), model.units.len()),
    ] {
        let (url, going) = (estate.url(&path), AtomicBool::new(true));
        let ((lines, octets, took), waited) = std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let read = read(&url);
                going.store(false, Ordering::Relaxed);
                read
            });
            let waited = changes(estate, model, &mut |_| going.load(Ordering::Relaxed));
            (reading.join().expect("a report to its end"), waited)
        });
        assert!(lines >= least, "{path} has {lines} lines, {least} is the least");
        let size = format!("{lines} lines, {:.1} MB", octets as f64 / 1e6);
        row(
            &format!("GET {path}"),
            &format!("{:.2} s, {size}; a change meanwhile {}", took.as_secs_f64(), waited.summary()),
        );
    }
}

/// Lines, octets, and how long it took.
fn read(url: &str) -> (usize, usize, Duration) {
    let (mut lines, mut octets) = (0, 0);
    let begun = Instant::now();
    read_lines(url, &mut |line| {
        lines += 1;
        octets += line.len() + 1;
    });
    (lines, octets, begun.elapsed())
}

/// Puts a unit as it is, again and again: a line of the journal each, like a change, that changes nothing.
fn changes(estate: &Estate, model: &Model, go_on: &mut dyn FnMut(usize) -> bool) -> Times {
    let (mut api, mut times) = (Api::connect(estate.admin()), Times::default());
    let (path, body) = model.units[0].put();
    while go_on(times.len()) {
        let begun = Instant::now();
        let (status, text) = api.send("PUT", &path, "application/json", body.as_bytes());
        times.push(begun.elapsed());
        assert_eq!(status, 200, "{text}");
    }
    times
}
