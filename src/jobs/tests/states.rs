//! The life of a unit.

use crate::jobs::state::{Fault, Outlook, Policy, Progress, Record, Refused, State};
use crate::jobs::unit::Token;

const POLICY: Policy = Policy { most_attempts: 3, first_pause_ms: 100, longest_pause_ms: 1000 };

fn fault(outlook: Outlook) -> Fault {
    Fault::new(outlook, "it rains")
}

fn running(token: &Token) -> Record {
    Record::new().claim(token.clone(), "w", &POLICY, 5).unwrap()
}

#[test]
fn only_the_attempt_that_runs_changes_a_unit() {
    let (ours, other) = (Token::of(1), Token::of(2));
    let record = running(&ours);
    let refused = Err(Refused::OtherAttempt);
    assert_eq!(record.clone().heartbeat(&other, Progress::default()), refused);
    assert_eq!(record.clone().finish(&other, Progress::default()), refused);
    assert_eq!(record.clone().fail(&other, fault(Outlook::Transient), &POLICY, 6), refused);
    assert_eq!(record.clone().expire(&other, &POLICY, 6), refused);
    assert_eq!(record.clone().give_back(&other), refused);
    let done = record.finish(&ours, Progress::default()).unwrap();
    // River's fault: what was done must not be taken back by who thought that it was stuck.
    assert_eq!(done.clone().expire(&ours, &POLICY, 6), Err(Refused::Is(State::Done)));
    assert_eq!(
        done.clone().fail(&ours, fault(Outlook::Permanent), &POLICY, 6),
        Err(Refused::Is(State::Done))
    );
    assert_eq!(done.clone().cancel(), Err(Refused::Is(State::Done)));
    assert_eq!(done.claim(other, "w", &POLICY, 7), Err(Refused::Is(State::Done)));
}

#[test]
fn a_failure_that_may_pass_is_tried_again_after_growing_pauses_until_it_was_tried_too_often() {
    let (mut record, mut now_ms) = (Record::new(), 1_000_000);
    for attempt in 1..=POLICY.most_attempts {
        let token = Token::of(attempt.into());
        record = record.claim(token.clone(), "w", &POLICY, now_ms).unwrap();
        assert_eq!(record.attempts, attempt);
        record = record.fail(&token, fault(Outlook::Transient), &POLICY, now_ms).unwrap();
        let pause = record.due_ms - now_ms;
        let least = POLICY.first_pause_ms << (attempt - 1);
        assert!((least..=least + least / 4).contains(&pause), "{pause} after {attempt}");
        if attempt < POLICY.most_attempts {
            assert_eq!(record.state, State::Waiting);
            assert_eq!(record.clone().claim(token, "w", &POLICY, record.due_ms - 1), Err(Refused::NotDue));
            now_ms = record.due_ms;
        }
    }
    assert_eq!((record.state, &record.fault), (State::Dead, &Some(fault(Outlook::Transient))));
    let again = record.retry().unwrap();
    assert_eq!((again.state, again.attempts, again.due_ms), (State::Waiting, 0, 0));
}

#[test]
fn a_failure_that_stays_is_not_tried_again() {
    let token = Token::of(1);
    let record = running(&token).fail(&token, fault(Outlook::Permanent), &POLICY, 6).unwrap();
    assert_eq!(record.state, State::Dead);
}

#[test]
fn a_unit_that_ends_every_worker_is_given_up() {
    let mut record = Record::new();
    for attempt in 1..=POLICY.most_attempts {
        let token = Token::of(attempt.into());
        record = record.claim(token.clone(), "w", &POLICY, u64::from(attempt) * 10_000).unwrap();
        record = record.expire(&token, &POLICY, u64::from(attempt) * 10_000).unwrap();
    }
    assert_eq!(record.state, State::Dead);
    assert_eq!(record.fault.unwrap().message, "worker w fell silent during attempt 3");
}

#[test]
fn a_worker_that_leaves_in_order_costs_no_attempt_and_no_time() {
    let token = Token::of(1);
    let record = running(&token).give_back(&token).unwrap();
    assert_eq!((record.state, record.attempts, record.due_ms), (State::Waiting, 0, 0));
}

#[test]
fn a_cancelled_unit_is_lost_to_its_worker_and_can_be_tried_again() {
    let token = Token::of(1);
    let record = running(&token).cancel().unwrap();
    assert_eq!(record.clone().heartbeat(&token, Progress::default()), Err(Refused::Is(State::Cancelled)));
    assert_eq!(record.retry().unwrap().state, State::Waiting);
}

#[test]
fn what_the_results_say_overrides_the_queue() {
    let token = Token::of(1);
    let dead = running(&token).fail(&token, fault(Outlook::Permanent), &POLICY, 6).unwrap();
    let settled = dead.settled();
    assert_eq!((settled.state, &settled.fault), (State::Done, &None));
    assert_eq!(settled.reopened(), Record::new());
    assert_eq!(running(&token).reopened(), running(&token), "it may be written just now");
}

#[test]
fn a_pause_that_a_wrong_clock_made_counts_as_over() {
    let token = Token::of(1);
    let hour_ms = 3_600_000;
    let record = running(&token).fail(&token, fault(Outlook::Transient), &POLICY, 10 * hour_ms).unwrap();
    // The worker that failed was an hour ahead of the one that asks now.
    assert!(record.is_due(&POLICY, 9 * hour_ms));
    assert!(!record.is_due(&POLICY, 10 * hour_ms));
    assert!(record.is_due(&POLICY, 11 * hour_ms));
}
