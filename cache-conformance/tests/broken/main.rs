//! A store that breaks the contract in one place fails the check that is about it.

mod store;

#[path = "../shelf/store.rs"]
mod shelf;

use std::panic::catch_unwind;

use larder_conformance::Subject;

use self::shelf::Shelf;
use self::store::{Broken, Defect};

/// Each defect, and checks that notice it.
macro_rules! is_noticed {
    ($($test:ident: $defect:ident by $($check:literal)*;)*) => {$(
        #[test]
        fn $test() {
            for check in [$($check),*] {
                let open = |space: String| async move {
                    Broken { shelf: Shelf::open(&space), defect: Defect::$defect }
                };
                let outcome = catch_unwind(|| larder_conformance::run(check, Subject::on(open)));
                assert!(outcome.is_err(), "`{check}` does not notice it");
            }
        }
    )*};
}

is_noticed! {
    a_fill_that_does_not_ask_for_its_lease: FillsWithoutALease
        by "leases::a_fill_without_a_lease_is_overtaken"
           "overtaken::by_a_deletion_elsewhere"
           "overtaken::by_a_set_elsewhere";
    a_lock_that_others_share: SharesLocks
        by "leases::under_a_lock_nobody_gets_a_lease"
           "leases::a_lock_waits_for_loads_that_share";
    a_removal_that_leaves_the_lease: LeavesLeases
        by "leases::a_removed_key_takes_its_lease_along";
    a_lease_for_who_has_not_seen_the_entry: ExpectsNothing
        by "leases::who_has_not_seen_the_entry_gets_no_lease"
           "leases::a_set_may_ask_for_an_empty_slot";
    an_invalidation_that_ends_no_generation: KeepsGenerations
        by "generations::an_ended_generation_is_missing"
           "tags::a_tag_reaches_what_carries_it_and_nothing_else"
           "clear::clear_reaches_everything";
    a_step_from_whatever_is_there: AdvancesFromAnything
        by "generations::a_step_is_taken_only_from_the_generation_that_was_seen"
           "generations::a_missing_generation_is_begun_by_a_step";
    a_step_that_is_said_and_not_taken: AdvancesInWords
        by "generations::a_step_ends_one_generation_and_begins_the_next"
           "generations::of_steps_at_once_one_is_taken";
    a_lease_that_does_not_yield: LetsNothingYield
        by "leases::a_lease_that_yields_keeps_nobody_from_a_lock";
    generations_that_come_back: ReusesGenerations
        by "generations::a_generation_never_comes_back"
           "generations::each_scope_has_its_own_generation";
    generations_in_another_order: MixesGenerations
        by "generations::generations_come_in_the_order_asked";
    a_value_that_is_taken_twice: TakesTwice
        by "slots::what_is_taken_is_gone"
           "once::get_and_delete_gives_and_removes";
    a_removal_of_whatever_is_there: RemovesAnything
        by "slots::only_the_entry_that_was_seen_is_removed";
    a_change_of_whatever_is_there: PatchesAnything
        by "slots::only_the_entry_that_was_seen_is_changed";
    a_scan_that_misses_keys: SkipsKeys
        by "listing::every_key_is_listed_once"
           "reclaiming::delete_by_pattern_takes_thousands"
           "pages::pages_of_every_size_hold_every_entry_once";
    a_scan_that_is_promised_and_refused: PromisesTooMuch
        by "listing::an_empty_cache_has_no_keys"
           "counters::a_counter_goes_on";
    a_sum_that_does_not_fit: CountsInAByte
        by "counters::large_numbers_are_exact";
    a_key_that_is_cut: CutsKeys
        by "keys::a_long_key_is_kept_whole";
    a_key_in_one_case: IgnoresCase
        by "keys::a_key_in_a_namespace_is_another_key";
}
