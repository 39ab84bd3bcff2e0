//! The calendar against the obvious queue.

use super::*;
use crate::choice::Odometer;

proptest::proptest! {
    /// Against the obvious queue, for any mixture of near and far events, of events at one moment and of events put
    /// before all others; some are taken out.
    #[test]
    fn events_come_in_the_order_of_time_and_insertion(
        start in proptest::sample::select(vec![0, 1_000, u64::MAX - 100_000_000]),
        steps in proptest::collection::vec((0u64..4, 0u64..500_000, 0u8..3, 0u8..4, 0usize..4, 0u8..80), 1..800),
        horizon in 1u64..200_000,
    ) {
        let (mut agenda, mut used) = (TimeOrder::new(horizon), TimeOrder::new(horizon));
        let mut model: Vec<(u64, i64)> = Vec::new();
        let (mut now, mut n, mut c) = (start, 0i64, Odometer::default());
        for (scale, delay, pops, first, behind, rare) in steps {
            let at = now + (delay >> (scale * 5));
            agenda.schedule(Time(at), n);
            model.push((at, n));
            n += 1;
            if behind > 0 {
                // At that moment or at another at which something happens.
                let at = model[model.len().saturating_sub(behind)].0.max(at);
                agenda.schedule_behind(Time(at), n);
                model.push((at, n));
                n += 1;
            }
            if first == 0 {
                agenda.first(Time(now), -n);
                model.push((now, -n));
            }
            if rare == 0 {
                // Into one that was used: it goes on from here, and what it was is forgotten.
                used.clone_from(&agenda);
                std::mem::swap(&mut used, &mut agenda);
            } else if rare == 1 {
                model.sort_unstable();
                let (gone, stays): (Vec<_>, Vec<_>) = model.iter().partition(|e| e.1 % 3 == 0);
                model = stays;
                let gone: Vec<i64> = gone.into_iter().map(|e: (u64, i64)| e.1).collect();
                assert_eq!(agenda.withdraw(|e| e % 3 == 0), gone);
            }
            for _ in 0..pops {
                let want = model.iter().min().copied();
                model.retain(|e| Some(*e) != want);
                let got = agenda.next(Time(now), &mut Vec::new(), |_| {}, &mut c);
                assert_eq!(got.map(|(t, e)| (t.0, e)), want);
                now = want.map_or(now, |w| w.0);
            }
        }
    }
}

proptest::proptest! {
    /// Full buckets: many events on few moments before the first is taken, whatever the width.
    #[test]
    fn full_buckets_keep_the_order(
        start in proptest::sample::select(vec![0, 1_000, u64::MAX - 100_000]),
        bursts in proptest::collection::vec(proptest::collection::vec((0u64..90, proptest::bool::ANY), 0..60), 1..12),
        horizon in proptest::sample::select(vec![1, 100_000, 1 << 30, 1 << 50, u64::MAX]),
    ) {
        let (mut agenda, mut c) = (TimeOrder::new(horizon), Odometer::default());
        let (mut now, mut n, mut model) = (start, 0, Vec::new());
        for burst in bursts {
            for &(delay, behind) in &burst {
                let at = now + delay / 3;
                if behind { agenda.schedule_behind(Time(at), n) } else { agenda.schedule(Time(at), n) }
                model.push((at, n));
                n += 1;
            }
            model.sort_unstable();
            let taken = burst.len() * 2 / 3;
            for want in model.drain(..taken.min(model.len())) {
                let got = agenda.next(Time(now), &mut Vec::new(), |_| {}, &mut c);
                assert_eq!(got.map(|(t, e)| (t.0, e)), Some(want));
                now = want.0;
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(400))]
    /// Buckets of any size, opened and not, with all that can be done to an agenda in between, wherever time is.
    #[test]
    fn full_buckets_are_like_others(
        start in proptest::sample::select(vec![0, (1u64 << 30) - 40, (5u64 << 30) - 7, u64::MAX - 4_000, u64::MAX - (1 << 31)]),
        scale in proptest::sample::select(vec![0u32, 1, 8, 25]),
        steps in proptest::collection::vec(
            (proptest::collection::vec((0u64..40, 0usize..6), 0..45), 0usize..50, 0usize..6, 0u8..60), 1..40),
        horizon in proptest::sample::select(vec![1, 5_000, 100_000, 1 << 30, 1 << 42, 1 << 43, u64::MAX]),
    ) {
        let (mut agenda, mut used) = (TimeOrder::new(horizon), TimeOrder::new(horizon / 3));
        let (mut c, mut model) = (Odometer::default(), Vec::<(u64, i64)>::new());
        let (mut now, mut n) = (start, 0i64);
        for (burst, pops, firsts, rare) in steps {
            for (delay, behind) in burst {
                let there = model.len().checked_sub(behind).and_then(|i| model.get(i)).map(|m| m.0.max(now));
                let at = there.unwrap_or(now.saturating_add((delay / 3) << scale));
                if behind > 0 { agenda.schedule_behind(Time(at), n) } else { agenda.schedule(Time(at), n) }
                model.push((at, n));
                n += 1;
            }
            if rare == 0 {
                used.clone_from(&agenda);
                std::mem::swap(&mut used, &mut agenda);
            }
            if rare == 1 {
                model.sort_unstable();
                let (gone, stays): (Vec<_>, Vec<_>) = model.iter().partition(|e| e.1 % 3 == 0);
                model = stays;
                assert_eq!(agenda.withdraw(|e| e % 3 == 0), gone.iter().map(|e| e.1).collect::<Vec<_>>());
            }
            for pop in 0..pops {
                for _ in 0..if pop % 4 == 0 { firsts / 2 } else { 0 } {
                    n += 1;
                    agenda.first(Time(now), -n);
                    model.push((now, -n));
                }
                let want = model.iter().min().copied();
                model.retain(|e| Some(*e) != want);
                let got = agenda.next(Time(now), &mut Vec::new(), |_| {}, &mut c);
                assert_eq!(got.map(|(t, e)| (t.0, e)), want);
                now = want.map_or(now, |w| w.0);
            }
        }
    }
}

#[test]
fn many_events_on_one_instant_take_no_longer_than_as_many_on_others() {
    let (mut agenda, mut c) = (TimeOrder::new(100_000), Odometer::default());
    agenda.schedule(Time(5), 0);
    for i in 0..300_000u32 {
        let (t, e) = agenda.next(Time(5), &mut Vec::new(), |_| {}, &mut c).expect("one is there");
        assert_eq!((t, e), (Time(5), i));
        agenda.schedule(Time(5), i + 1);
        if i == 0 {
            (1..300_000).for_each(|_| agenda.schedule(Time(6), 0)); // quadratic, this would take minutes
        }
    }
}

#[test]
fn what_never_comes_is_in_nobodys_way() {
    for horizon in [1000, 1 << 40] {
        let (mut agenda, mut c) = (TimeOrder::new(horizon), Odometer::default());
        agenda.schedule(Time(u64::MAX), 1);
        agenda.schedule(Time(5), 0);
        assert!(agenda.withdraw(|_| false).is_empty());
        let mut next = || agenda.next(Time(0), &mut Vec::new(), |_| {}, &mut c);
        assert_eq!([next(), next(), next()], [Some((Time(5), 0)), Some((Time(u64::MAX), 1)), None]);
    }
}

#[test]
fn what_is_withdrawn_comes_in_its_order_and_the_rest_stays() {
    let (mut agenda, mut c) = (TimeOrder::new(1000), Odometer::default());
    let times = [5u64, 700, 5, 90_000, 700, 3, 90_000, 2_000, 6];
    for (e, &at) in (0u32..).zip(&times) {
        agenda.schedule(Time(at), e);
    }
    let mut next = |agenda: &mut TimeOrder<u32>| agenda.next(Time(0), &mut Vec::new(), |_| {}, &mut c);
    assert_eq!(next(&mut agenda), Some((Time(3), 5)));
    agenda.schedule(Time(3), 9);
    assert_eq!(agenda.withdraw(|e| e % 2 == 0), [0, 2, 8, 4, 6]);
    let rest: Vec<_> = std::iter::from_fn(|| next(&mut agenda)).map(|(t, e)| (t.0, e)).collect();
    assert_eq!(rest, [(3, 9), (700, 1), (2_000, 7), (90_000, 3)]);
}
