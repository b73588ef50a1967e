//! What the formats say about the sample record, as snapshots, and what must be true of any report.

use reports::{Format, GateRecord, render, sample};

/// The words of a page, one element a line: what a reader sees, without markup or style.
fn words(html: &str) -> String {
    let body = html.split_once("<main").expect("a main part").1;
    let mut out = String::new();
    for piece in body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        let inline = [
            "span", "/span", "code", "/code", "strong", "/strong", "a ", "/a", "wbr", "svg", "/svg", "use", "/use",
            "small", "/small",
        ];
        if !inline.iter().any(|name| tag.starts_with(name)) && !out.ends_with('\n') {
            out.push('\n');
        }
        if !text.trim().is_empty() {
            if !out.ends_with(['\n', ' ']) {
                out.push(' ');
            }
            out.push_str(text.trim());
        }
    }
    out.trim().to_string()
}

#[test]
fn the_summary_reads_as_intended() {
    insta::assert_snapshot!("summary", render(&sample::record(), Format::Markdown));
}

#[test]
fn the_summary_of_a_good_day_is_short() {
    insta::assert_snapshot!("summary-held", render(&sample::held(), Format::Markdown));
}

#[test]
fn the_junit_file_maps_every_verdict() {
    insta::assert_snapshot!("junit", render(&sample::record(), Format::Junit));
}

#[test]
fn the_matrices_are_one_fact_a_line() {
    insta::assert_snapshot!("matrix", render(&sample::record(), Format::Csv).replace("\r\n", "\n"));
}

#[test]
fn the_page_says_what_it_should() {
    insta::assert_snapshot!("page-words", words(&render(&sample::record(), Format::Html)));
}

fn records() -> [GateRecord; 3] {
    let mut empty = sample::record();
    empty.scenarios.clear();
    empty.slos.clear();
    empty.serving.clear();
    empty.exit = 0;
    [sample::record(), sample::held(), empty]
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    for record in records() {
        for format in Format::ALL {
            assert_eq!(render(&record, format), render(&record, format), "{format}");
        }
    }
}

#[test]
fn the_page_fetches_nothing_and_runs_nothing() {
    for record in records() {
        let page = render(&record, Format::Html);
        for forbidden in
            ["<script", "<link", "<img", "<iframe", "<object", "http://", "https://", "url(", "@import", "javascript:"]
        {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}

#[test]
fn a_hostile_name_stays_a_name_in_every_format() {
    let mut record = sample::record();
    let evil = "\"><script>alert(1)</script>`|\u{202e}\n=1+1";
    record.scenarios[0].name = evil.into();
    record.scenarios[0].ablations[0].control = evil.into();
    record.slos[0].tenant = evil.into();
    record.serving[0].1.tenant = evil.into();
    record.requirements[0].id = evil.into();
    record.not_covered.push(evil.into());
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Json) {
        let out = render(&record, format);
        assert!(!out.contains('\u{202e}'), "{format}");
        if matches!(format, Format::Junit | Format::Html) {
            assert!(!out.contains("<script"), "{format}");
        }
    }
    assert!(render(&record, Format::Csv).contains("\"\"><script>alert(1)</script>`|\u{fffd} =1+1\""));
}

#[test]
fn a_gate_that_ran_nothing_is_never_green() {
    let [_, _, empty] = records();
    let headline = reports::verdict::headline(&empty);
    assert_eq!((headline.exit, headline.word), (3, "Inconclusive"));
    assert_eq!(headline.sentence, "No scenario was selected, so nothing was proved.");
}

#[test]
fn a_recorded_success_does_not_hide_a_breach() {
    let mut record = sample::record();
    record.exit = 0;
    assert_eq!(reports::verdict::headline(&record).exit, 1);
}

#[test]
fn a_canary_that_held_is_worse_than_one_that_failed() {
    let mut record = sample::held();
    assert_eq!(reports::verdict::headline(&record).exit, 0);
    let canary = record.scenarios.iter_mut().find(|s| s.canary).expect("the sample has a canary");
    canary.verdict = sim::record::ScenarioVerdict::Held;
    let headline = reports::verdict::headline(&record);
    assert_eq!((headline.exit, headline.word), (3, "Inconclusive"));
    assert!(headline.sentence.contains("Only 0 of 1 canary failed as it must."), "{}", headline.sentence);
    assert!(render(&record, Format::Junit).contains("<error message=\"did not fail"));
    assert!(render(&record, Format::Html).contains("did not fail"));
}

#[test]
fn files_are_written_whole_and_replace_older_ones() {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("written");
    reports::write_all(&sample::record(), &dir).expect("written");
    let files = reports::write_all(&sample::held(), &dir).expect("written again");
    let names: Vec<_> = files.iter().map(|f| f.file_name().expect("a name").to_string_lossy().into_owned()).collect();
    assert_eq!(names, Format::ALL.map(Format::file_name));
    let json = std::fs::read_to_string(&files[0]).expect("readable");
    assert_eq!(reports::load(&json).expect("own output"), sample::held());
    assert_eq!(std::fs::read_dir(&dir).expect("listed").count(), files.len(), "no temporary file is left");
}
