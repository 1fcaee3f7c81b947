//! All pages of a filter, for an export.

use super::*;

#[tokio::test]
async fn a_walk_goes_on_where_a_question_stopped_and_keeps_the_range_of_its_beginning() {
    let part = |seconds| Damaged {
        from: NOW.minus_seconds(seconds),
        to: NOW.minus_seconds(seconds - 10),
        rows: 7,
    };
    let reader = Prepared::new([
        Found {
            rows: vec![row(9, 1, Some("Acme"))],
            more: true,
            as_of: 40,
            damaged: vec![part(60)],
            ..Found::default()
        },
        Found {
            looked_back_to: Some(LookedBack { seq: 5, at: NOW }),
            as_of: 40,
            damaged: vec![part(60), part(600)],
            ..Found::default()
        },
        Found {
            rows: vec![row(2, 1, None)],
            as_of: 40,
            ..Found::default()
        },
    ]);
    let filter = LogFilter {
        before: Some(3),
        ..LogFilter::default()
    };
    let day = 24 * 3600;
    let reading = reading(&reader).within(Retention::UNLIMITED, Some(1));
    let mut walk = reading.walk(with_brands(1), &filter, NOW).await.expect("a walk");
    let mut seqs = Vec::new();
    for now in [NOW, NOW, NOW.plus_seconds(day)] {
        let rows = walk.next(70, now).await.expect("rows").expect("not over");
        assert!(rows.iter().all(|row| row.brand.is_none()), "its own name");
        seqs.push(rows.iter().map(|row| row.seq).collect::<Vec<_>>());
    }
    assert_eq!(seqs, [vec![9], vec![], vec![2]]);
    assert_eq!(walk.next(70, NOW).await.expect("no question"), None);
    assert!(walk.damaged().len() == 2 && walk.is_moving(), "each once");

    let asked = reader.asked();
    let cursors: Vec<_> = asked.iter().map(|asked| (asked.before, asked.as_of)).collect();
    assert_eq!(
        cursors,
        [(None, None), (Some(9), Some(40)), (Some(5), Some(40))],
        "the page's cursor is ignored"
    );
    let (from, to) = (NOW.minus_seconds(day), NOW.plus_seconds(1));
    assert_eq!(walk.range(), (from, to));
    let ranges: Vec<_> = asked.iter().map(|asked| (asked.from, asked.to)).collect();
    assert_eq!(ranges[..2], [(from, to), (from, to)]);
    assert!(
        ranges[2].0 > from && ranges[2].1 == to,
        "what is no longer kept is not read any more: {ranges:?}"
    );
    assert!(asked.iter().all(|asked| asked.rows == 70 && !asked.count));
}
