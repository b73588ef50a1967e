//! What must be true of any replay page, whatever stands in the run: the browser's part is tested where a browser is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reports::format::html::replay::render;
use reports::sample::{HOSTILE, replay};
use serde_json::Value;

/// What stands between a tag that begins like this, after its end, and its closing tag.
fn inside<'a>(page: &'a str, tag: &str, close: &str) -> &'a str {
    let after = page.split_once(tag).expect("the tag").1;
    after.split_once('>').expect("its end").1.split_once(close).expect("its closing tag").0
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    assert_eq!(render(&replay(20)), render(&replay(20)));
}

#[test]
fn nothing_is_fetched_and_one_script_may_run() {
    let page = render(&replay(20));
    let (before, after) = page.split_once("<script id=\"data\"").expect("the data");
    let markup = format!("{before}{}", after.split_once("</script>").expect("its end").1);
    for forbidden in ["<link", "<img", "<iframe", "<object", "<script src", "url(", "@import", "javascript:"] {
        assert!(!markup.replace("url(#head)", "").contains(forbidden), "{forbidden}");
    }
    let script = inside(&page, "</script><script", "</script>");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, script.as_bytes());
    let policy = page.split_once("Content-Security-Policy\" content=\"").expect("a policy").1;
    let policy = policy.split_once('"').expect("its end").0.replace("&#39;", "'");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(policy.contains(&format!("script-src 'sha256-{}';", STANDARD.encode(digest))), "{policy}");
}

#[test]
fn no_text_leaves_the_element_that_holds_the_data() {
    let page = render(&replay(8));
    assert!(!page.contains("<script>window") && !page.contains("<img") && !page.contains("<i>globex"));
    assert_eq!(page.matches("</script>").count(), 2, "one for the data, one for the script");
    let data: Value = serde_json::from_str(inside(&page, "id=\"data\"", "</script>")).expect("JSON");
    let texts: Vec<&str> = data["texts"].as_array().expect("texts").iter().filter_map(Value::as_str).collect();
    let shown = HOSTILE.replace('\u{202e}', "\u{fffd}");
    assert!(texts.contains(&shown.as_str()), "{texts:?}");
    assert!(!page.contains('\u{202e}'));
}

#[test]
fn every_row_is_there_with_its_time_and_its_control() {
    let made = replay(8);
    let page = render(&made);
    let data: Value = serde_json::from_str(inside(&page, "id=\"data\"", "</script>")).expect("JSON");
    for (told, run) in [Some(&made.run), made.twin.as_ref()].into_iter().flatten().zip(data["runs"].as_array().unwrap())
    {
        let column = |name: &str| -> Vec<usize> {
            run[name].as_array().expect(name).iter().map(|n| n.as_u64().expect("a number") as usize).collect()
        };
        let mut at = 0;
        let (steps, by, what) = (column("at"), column("by"), column("what"));
        assert_eq!(steps.len(), told.rows.len());
        for (i, row) in told.rows.iter().enumerate() {
            at += steps[i] as u64;
            assert_eq!(at, row.at_ns);
            assert_eq!(by[i].checked_sub(1), row.decided.as_ref().and_then(|d| d.by).map(usize::from));
            assert_eq!(data["texts"][what[i]], reports::text::clean(&row.what));
        }
    }
    assert_eq!(data["parts"], 27, "the fourth request is the first that is decided otherwise");
}
