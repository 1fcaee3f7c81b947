//! What a list that follows is told.

use super::*;

#[tokio::test]
async fn what_is_new_is_counted_to_the_end_and_all_rows_only_if_that_takes_no_time() {
    let found = Found {
        rows: vec![row(91, 1, None)],
        more: true,
        as_of: 95,
        ..counted(40)
    };
    let uncounted = Found {
        count: Count::AtLeast(10_000),
        ..Found::default()
    };
    let reader = Prepared::new([found.clone(), counted(7_000), found, uncounted]);
    let filter: LogFilter = "status=4xx".parse().expect("a filter");
    for matching in [Some(7_000), None] {
        let new = reading(&reader)
            .new_rows(with_brands(1), &filter, 60, 20, NOW)
            .await;
        let new = new.expect("what is new");
        assert_eq!((new.count, new.and_more), (40, false));
        assert_eq!((new.page.rows.len(), new.page.as_of), (1, 95));
        assert_eq!((new.page.matching, new.page.moving), (matching, Some(MOVING)));
    }
    let asked = reader.asked();
    assert_eq!(
        (asked[0].after, asked[0].rows, asked[0].count),
        (Some(60), 20, true)
    );
    assert_eq!(
        (asked[1].after, asked[1].as_of, asked[1].rows),
        (None, Some(95), 0)
    );
    assert_eq!(asked[1].conditions, asked[0].conditions);
    assert!(asked[1].budget < asked[0].budget);
}

#[tokio::test]
async fn if_only_the_number_of_new_rows_is_asked_for_nothing_else_is_looked_for() {
    let found = Found {
        as_of: 95,
        count: Count::AtLeast(3_480),
        ..Found::default()
    };
    let reader = Prepared::new([found]);
    let new = reading(&reader)
        .new_rows(with_brands(1), &LogFilter::default(), 60, 0, NOW)
        .await;
    let new = new.expect("a number");
    assert_eq!((new.count, new.and_more, new.page.as_of), (3_480, true, 95));
    assert_eq!(reader.asked().len(), 1);
}

#[tokio::test]
async fn however_many_new_rows_are_asked_for_they_are_a_page_at_most() {
    let reader = Prepared::new([counted(0), counted(0)]);
    let new = reading(&reader)
        .new_rows(with_brands(1), &LogFilter::default(), 60, 4_000, NOW)
        .await;
    new.expect("what is new");
    assert_eq!(reader.asked()[0].rows, 50);
}
