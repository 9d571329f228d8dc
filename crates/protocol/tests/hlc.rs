//! The hybrid clock: stamps only go forward, texts sort like stamps, shifting is bounded.

use holm_protocol::{ClientId, Clock, Hlc, from_json_text, to_json_text};
use proptest::prelude::*;

fn stamps() -> impl Strategy<Value = Hlc> {
    (0..1u64 << 48, any::<u16>(), "[a-z0-9_-]{0,8}").prop_map(|(ms, counter, client)| Hlc {
        ms,
        counter,
        client: client.as_str().into(),
    })
}

proptest! {
    #[test]
    fn text_round_trips(stamp in stamps()) {
        prop_assert_eq!(stamp.to_string().parse::<Hlc>(), Ok(stamp.clone()));
        let json = to_json_text(&stamp);
        prop_assert_eq!(from_json_text::<Hlc>(json.as_bytes()).expect("parses"), stamp);
    }

    #[test]
    fn texts_sort_like_stamps(a in stamps(), b in stamps()) {
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn the_clock_never_goes_back(steps in prop::collection::vec((0..1u64 << 47, prop::option::of((0..1u64 << 47, any::<u16>()))), 1..40)) {
        let client = ClientId::from("c_a");
        let mut clock = Clock::default();
        let mut last: Option<Hlc> = None;
        for (now_ms, heard) in steps {
            if let Some((ms, counter)) = heard {
                let heard = Hlc { ms, counter, client: "c_z".into() };
                clock.hear(&heard);
                last = last.max(Some(Hlc { client: client.clone(), ..heard }));
            }
            let drawn = clock.tick(now_ms, &client);
            prop_assert!(drawn.ms >= now_ms);
            prop_assert!(last.is_none_or(|last| last < drawn));
            last = Some(drawn);
        }
    }

    #[test]
    fn shifting_keeps_order_and_never_passes_now(a in stamps(), b in stamps(), offset in any::<i64>(), now in 0..1u64 << 48) {
        let now = Hlc { ms: now, counter: 0, client: "server".into() };
        let (x, y) = (a.shift(offset, &now), b.shift(offset, &now));
        prop_assert!((x.ms, x.counter) <= (now.ms, now.counter));
        if (a.ms, a.counter) <= (b.ms, b.counter) {
            prop_assert!(x.ms <= y.ms);
        }
    }
}

#[test]
fn a_clock_400_days_ahead_wins_nothing() {
    const DAY_MS: u64 = 86_400_000;
    let now = Hlc { ms: 1_000 * DAY_MS, counter: 0, client: "server".into() };
    let ahead = Hlc { ms: now.ms + 400 * DAY_MS, counter: 3, client: "c_a".into() };
    let honest = Hlc { ms: now.ms - 10, counter: 0, client: "c_b".into() };
    let sent = Hlc { ms: ahead.ms + 50, counter: 0, client: "c_a".into() };
    let offset = now.ms.cast_signed() - sent.ms.cast_signed();
    assert!(ahead.shift(offset, &now) < honest);
    assert!(ahead.shift(0, &now).ms <= now.ms);
}

#[test]
fn bad_stamps_are_refused() {
    for text in [
        "",
        "-",
        "0-0-c",
        "00000000000g-0000-c",
        "00000000000A-0000-c",
        "000000000000-00000-c",
        "+00000000001-0000-c",
        "000000000001-0000",
    ] {
        assert!(text.parse::<Hlc>().is_err(), "{text}");
    }
}

#[test]
fn the_end_of_time_still_makes_stamps() {
    let mut clock = Clock { ms: (1 << 48) - 1, counter: u16::MAX };
    let stamp = clock.tick(u64::MAX, &"c_a".into());
    assert_eq!(stamp.to_string().parse::<Hlc>(), Ok(stamp));
}
