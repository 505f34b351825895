//! The list: every check, by group, with what the group needs.
//!
//! It is handed to macros, which make of it what they want: tests by name, or a list of [`Check`]s.

use crate::check::Check;
use crate::checks as groups;
use crate::need::Need;

/// The checks of a cache, whatever is behind it.
#[doc(hidden)]
#[macro_export]
macro_rules! __cache_checks {
    ($then:ident $($context:tt)*) => {
        $crate::$then! { [$($context)*]
            values: Contract {
                what_is_set_is_got
                what_was_never_set_is_nothing
                the_last_set_is_what_is_got
                another_type_can_be_set_in_place
                values_without_content_come_back
                empty_texts_and_lists_are_values
                integers_of_every_width_come_back
                floats_come_back_to_the_bit
                booleans_and_characters_come_back
                texts_of_every_script_come_back
                every_byte_comes_back
                nothing_is_a_value
                results_come_back
                tuples_and_arrays_come_back
                maps_and_sets_come_back
                shared_and_boxed_values_come_back
                durations_come_back
                structs_and_enums_come_back
                enums_of_every_representation_come_back
                fields_that_are_skipped_renamed_or_flattened_come_back
                types_that_contain_themselves_come_back
                a_megabyte_comes_back
                a_value_read_again_and_again_stays
                a_store_that_is_there_answers_a_ping
            }
            shapes: Contract {
                a_value_of_another_type_is_a_miss
                an_entry_of_another_type_exists
                the_same_type_is_a_hit
                a_struct_that_gained_a_field_is_a_miss
                a_struct_that_lost_a_field_is_a_miss
                a_struct_with_a_renamed_field_is_a_miss
                a_struct_with_a_retyped_field_is_a_miss
                a_struct_with_reordered_fields_is_a_miss
                an_enum_that_gained_a_variant_in_front_is_a_miss
            }
            keys: Contract {
                the_empty_key_is_a_key
                keys_of_every_script_are_apart
                keys_that_look_alike_are_apart
                a_long_key_is_kept_whole
                the_beginning_of_a_key_is_another_key
                control_characters_make_a_difference
                what_looks_escaped_stands_for_itself
                the_characters_of_patterns_stand_for_themselves
                the_words_of_stores_are_only_keys
                a_key_in_a_namespace_is_another_key
                a_key_cannot_forge_a_namespace
                namespaces_of_any_characters_are_apart
                an_empty_namespace_is_none
            }
            ttls: Contract {
                an_entry_expires_to_the_millisecond
                each_entry_has_its_own_ttl
                without_a_ttl_the_usual_one_counts
                short_and_long_are_words_for_ttls
                an_entry_may_live_for_ever
                a_very_long_ttl_does_not_overflow
                a_ttl_of_zero_is_an_error
                a_load_with_a_ttl_of_zero_is_not_stored
                a_load_has_the_ttl_that_it_names
                setting_again_begins_a_new_ttl
                reading_does_not_prolong
                an_expired_key_can_be_set_again
                ttl_says_what_is_left
                the_ttl_of_what_lives_for_ever_is_never
                what_is_not_there_has_no_ttl
                set_ttl_shortens
                set_ttl_prolongs
                set_ttl_keeps_value_and_tags
                set_ttl_of_never_makes_it_stay
                persist_makes_it_stay
                what_is_not_there_gets_no_ttl
                what_has_expired_stays_expired
                what_was_invalidated_stays_invalid
                get_and_touch_gives_the_value_and_a_new_ttl
                get_and_touch_leaves_what_it_cannot_read
                a_ttl_is_set_in_its_namespace_only
            }
            many: Contract {
                get_many_answers_in_the_order_asked
                get_many_answers_a_key_as_often_as_asked
                get_many_leaves_a_gap_for_what_is_missing
                get_many_of_nothing_is_nothing
                get_many_takes_keys_of_several_namespaces
                get_many_takes_hundreds
                set_many_stores_all
                set_many_replaces_what_is_there
                set_many_of_nothing_does_nothing
                set_many_gives_all_the_same_ttl
                set_many_gives_all_the_same_tags_and_namespace
            }
            once: Contract {
                set_if_absent_stores_where_there_is_nothing
                set_if_absent_leaves_what_is_there
                what_has_expired_is_absent
                what_was_invalidated_is_absent
                what_was_deleted_is_absent
                set_if_absent_takes_ttl_tags_and_namespace
                of_many_that_set_what_is_absent_one_does
                get_and_delete_gives_and_removes
                get_and_delete_finds_only_what_is_usable
                get_and_delete_keeps_to_its_namespace
                of_many_that_get_and_delete_one_gets_it
                what_many_put_and_take_is_taken_once
            }
            deletes: Contract {
                delete_says_whether_there_was_something
                what_is_deleted_is_gone_everywhere
                delete_leaves_everything_else
                an_expired_entry_is_nothing_to_delete
                an_invalidated_entry_is_nothing_to_delete
                a_deleted_key_can_be_set_again
                invalidate_key_removes
                delete_many_counts_what_was_there
                delete_many_counts_a_key_once
                delete_many_of_nothing_deletes_nothing
                delete_many_takes_hundreds
                delete_many_takes_keys_of_several_namespaces
                many_may_delete_the_same_key
            }
            tags: Contract {
                a_tag_reaches_what_carries_it_and_nothing_else
                any_of_an_entrys_tags_reaches_it
                several_tags_are_invalidated_at_once
                a_tag_reaches_into_every_namespace
                what_is_set_after_an_invalidation_stays
                a_tag_may_be_invalidated_before_it_is_used
                invalidating_twice_is_invalidating
                setting_again_without_a_tag_takes_it_off
                a_key_is_its_own_tag
                a_key_in_a_namespace_is_its_own_tag
                a_tag_reaches_the_key_of_its_name
                tags_that_look_alike_are_apart
                an_entry_may_have_hundreds_of_tags
                more_tags_than_an_entry_holds_are_an_error_or_hold
                the_same_tag_twice_is_one
                a_thousand_entries_are_invalidated_as_one
                tags_keys_and_namespaces_are_invalidated_together
            }
            namespaces: Contract {
                a_namespace_is_invalidated_as_one
                other_namespaces_stay
                a_namespace_may_have_any_name
                what_is_in_no_namespace_has_no_name
                a_namespace_can_be_used_again
                a_tag_of_a_namespaces_name_is_something_else
            }
            clear: Contract {
                clear_reaches_everything
                a_cleared_cache_can_be_used
                an_empty_cache_can_be_cleared
            }
            entries: Contract {
                an_entry_brings_key_value_and_tags
                what_is_not_usable_has_no_entry
                an_entry_knows_when_it_expires
                an_entry_that_lives_for_ever_does_not_expire
                an_entry_knows_when_it_was_made
                a_new_ttl_does_not_make_an_entry_new
                setting_again_makes_a_new_entry
                looking_at_an_entry_is_no_hit
                a_key_that_is_its_own_tag_lists_none
                what_was_loaded_has_an_entry_too
                who_counts_hits_counts_all
                who_knows_the_last_access_tells_it
            }
            loads: Contract {
                a_miss_loads_and_a_hit_does_not
                what_was_set_is_not_loaded
                of_many_callers_one_loads
                with_a_lock_one_process_loads
                keys_load_side_by_side
                the_same_key_in_two_namespaces_loads_twice
                a_load_may_load
                a_load_that_fails_stores_nothing
                a_load_that_panics_stores_nothing
                a_load_that_is_dropped_is_taken_over
                a_load_carries_its_tags_and_namespace
                what_expired_or_was_invalidated_is_loaded_again
                two_types_under_one_key_each_load_their_own
            }
            overtaken: Contract {
                by_an_invalidated_key
                by_an_invalidated_key_elsewhere
                by_a_deletion
                by_a_deletion_elsewhere
                by_a_deletion_of_many
                by_a_deletion_of_many_elsewhere
                by_a_value_taken
                by_a_value_taken_elsewhere
                by_a_tag
                by_a_tag_elsewhere
                by_a_tag_of_the_keys_name
                by_a_tag_of_the_keys_name_elsewhere
                by_a_namespace
                by_a_namespace_elsewhere
                by_clear
                by_clear_elsewhere
                by_several_targets
                by_several_targets_elsewhere
                by_a_set
                by_a_set_elsewhere
                by_a_set_of_many
                by_a_set_of_many_elsewhere
                by_a_set_if_absent
                by_a_set_if_absent_elsewhere
            }
            statistics: Contract {
                lookups_are_hits_or_misses
                loads_and_their_failures_are_counted
                callers_that_waited_are_counted
                invalidations_are_counted
                loads_that_were_overtaken_are_counted
                a_store_that_works_counts_no_errors
                each_handle_counts_for_itself
            }
            concurrency: Contract {
                who_reads_after_an_invalidation_reads_what_is_newer
                who_reads_twice_never_goes_back
                a_hundred_writers_of_a_hundred_keys_do_not_meet
                everything_at_once_ends_in_order
            }
            cancellation: Contract {
                of_get
                of_get_many
                of_exists
                of_entry
                of_get_and_touch
                of_set_ttl
                of_persist
                of_set
                of_set_many
                of_set_if_absent
                of_get_and_delete
                of_delete
                of_delete_many
                of_an_invalidated_key
                of_invalidated_tags
                of_clear
                of_a_load
                of_a_load_that_others_wait_for
            }
            counters: Increment {
                a_counter_begins_at_zero
                a_counter_goes_on
                adding_nothing_tells_the_number
                counters_of_two_namespaces_are_apart
                signed_integers_of_every_width_count
                unsigned_integers_of_every_width_count
                a_counter_does_not_overflow
                what_has_no_negative_is_not_taken_away
                large_numbers_are_exact
                what_is_no_number_does_not_count
                counting_keeps_the_ttl
                counting_keeps_the_tags
                a_new_counter_takes_ttl_and_tags
                what_is_gone_counts_from_zero
                a_new_counter_without_a_ttl_to_live_is_an_error
                a_counter_can_be_set_and_read_as_a_value
                many_count_together_and_none_is_lost
                no_two_get_the_same_number
                counting_overtakes_a_load
            }
            patterns: Scan {
                a_star_is_any_run_of_characters
                a_question_mark_is_one_character
                brackets_are_one_of_their_characters
                a_caret_in_brackets_means_the_others
                brackets_hold_characters_of_every_script
                odd_brackets_have_a_meaning
                a_backslash_takes_the_next_character_as_it_is
                what_is_not_closed_stands_for_itself
                a_pattern_without_wildcards_means_one_key
                wildcards_reach_over_every_character
                the_words_of_other_patterns_mean_nothing
                a_key_is_never_taken_for_a_pattern
                a_pattern_means_keys_of_its_namespace_only
                a_namespace_is_never_taken_for_a_pattern
                a_pattern_does_not_mean_what_the_store_keeps_beside_entries
                a_pattern_that_tries_everything_ends
            }
            listing: Scan {
                an_empty_cache_has_no_keys
                every_key_is_listed_once
                listed_keys_are_the_keys_that_were_set
                what_has_expired_is_not_listed
                what_was_invalidated_is_not_listed
                what_was_deleted_is_not_listed
                what_is_being_loaded_is_not_listed
                values_of_every_type_are_listed
                what_is_there_all_the_time_is_listed_whatever_else_happens
                a_listing_may_be_left_in_the_middle
                a_survey_counts_the_entries
                cleaning_up_removes_only_what_has_expired
            }
            pages: Scan {
                an_empty_cache_has_an_empty_page
                pages_of_every_size_hold_every_entry_once
                many_pages_hold_many_entries
                the_last_page_has_no_cursor
                a_page_is_of_its_pattern
                a_page_leaves_out_what_is_not_usable
                a_page_leaves_out_values_of_other_types
                a_page_brings_whole_entries
                a_cursor_goes_through_text
                a_cursor_goes_through_json
                a_cursor_that_nobody_gave_is_an_error
                a_cursor_leads_nowhere_that_its_pattern_does_not
                what_is_there_all_the_time_is_in_a_page
                a_page_whose_entries_are_gone_does_not_end_the_rest
            }
            reclaiming: Scan {
                delete_by_pattern_deletes_what_is_meant
                delete_by_pattern_counts_what_was_usable
                delete_by_pattern_keeps_to_its_namespace
                delete_by_pattern_takes_thousands
                delete_by_namespace_deletes_the_namespace
                delete_by_namespace_takes_its_name_as_it_is
                a_namespace_without_a_name_holds_nothing
                delete_by_tags_deletes_what_carries_any_of_them
                delete_by_tags_counts_what_was_usable
                delete_by_no_tags_deletes_nothing
                what_was_reclaimed_can_be_set_again
                many_reclaim_together_and_nothing_is_left
            }
            cancellation_of_counting: Increment {
                of_counting
            }
            cancellation_of_scans: Scan {
                of_a_listing
                of_a_page
                of_delete_by_pattern
                of_delete_by_namespace
                of_delete_by_tags
            }
            overtaken_by_reclaiming: Scan {
                by_a_pattern
                by_a_pattern_elsewhere
                by_a_pattern_in_a_namespace
                by_a_pattern_in_a_namespace_elsewhere
                by_a_reclaimed_namespace
                by_a_reclaimed_namespace_elsewhere
                by_a_reclaimed_tag
                by_a_reclaimed_tag_elsewhere
            }
        }
    };
}

/// The checks of a store itself.
#[doc(hidden)]
#[macro_export]
macro_rules! __port_checks {
    ($then:ident $($context:tt)*) => {
        $crate::$then! { [$($context)*]
            leases: Port {
                an_empty_slot_is_leased_to_whoever_asks
                a_lease_is_not_an_entry
                loads_that_share_share_a_token
                a_lock_waits_for_loads_that_share
                under_a_lock_nobody_gets_a_lease
                a_set_takes_any_lease_over
                a_lease_asked_for_twice_is_granted_twice
                a_fill_under_its_lease_is_stored
                a_fill_without_a_lease_is_overtaken
                of_two_fills_under_one_lease_the_first_is_stored
                of_many_fills_at_once_one_is_stored
                a_removed_key_takes_its_lease_along
                a_lease_given_back_is_free
                only_its_holder_gives_a_lease_back
                a_lease_lies_on_an_entry_and_leaves_it_readable
                who_has_not_seen_the_entry_gets_no_lease
                a_set_may_ask_for_an_empty_slot
                a_set_need_not_have_seen_the_entry
                who_has_seen_an_entry_that_is_gone_gets_no_lease
                a_lease_ends_by_itself
                a_renewed_lease_lasts_longer
                only_its_holder_renews_a_lease
                leases_of_two_keys_are_apart
                loads_share_a_lease_that_yields
                a_lease_that_yields_keeps_nobody_from_a_lock
            }
            generations: Port {
                a_generation_is_missing_until_a_load_begins_it
                reading_begins_no_generation
                a_generation_stays_until_it_is_ended
                generations_come_in_the_order_asked
                no_generations_are_no_generations
                each_scope_has_its_own_generation
                an_ended_generation_is_missing
                a_generation_never_comes_back
                ending_a_generation_twice_ends_it
                a_thousand_generations_end_at_once
                who_begins_at_once_begins_the_same
                a_step_ends_one_generation_and_begins_the_next
                a_step_is_taken_only_from_the_generation_that_was_seen
                a_missing_generation_is_begun_by_a_step
                a_step_asked_for_twice_is_taken
                of_steps_at_once_one_is_taken
                a_scope_and_a_key_of_one_name_are_apart
                a_read_brings_generations_with_the_slot
                a_read_brings_the_generations_that_an_entry_lists
                a_missing_generation_makes_its_entries_invalid
            }
            slots: Port {
                slots_come_in_the_order_asked
                the_heads_of_slots_are_their_beginnings
                what_is_taken_is_gone
                taking_takes_the_lease_along
                of_many_that_take_one_gets_the_entry
                only_the_entry_that_was_seen_is_removed
                fields_are_changed_in_place
                only_the_entry_that_was_seen_is_changed
                a_store_says_its_name_and_answers
            }
        }
    };
}

/// A list of checks.
#[doc(hidden)]
#[macro_export]
macro_rules! __as_list {
    ([] $($group:ident: $need:ident { $($check:ident)* })*) => {
        [$($(
            Check {
                name: concat!(stringify!($group), "::", stringify!($check)),
                needs: Need::$need,
                check: |subject| Box::pin(groups::$group::$check(subject)),
            },
        )*)*]
    };
}

/// A test for each check, in a module for each group.
#[doc(hidden)]
#[macro_export]
macro_rules! __as_tests {
    ([] $($group:ident: $need:ident { $($check:ident)* })*) => {$(
        mod $group {$(
            #[test]
            fn $check() {
                $crate::run(
                    concat!(stringify!($group), "::", stringify!($check)),
                    super::__larder_subject(),
                );
            }
        )*}
    )*};
}

pub(crate) fn checks() -> Vec<Check> {
    let cache = crate::__cache_checks!(__as_list);
    let port = crate::__port_checks!(__as_list);
    cache.into_iter().chain(port).collect()
}

/// Makes a test of each check, for a store: `values::what_is_set_is_got`, and so on. The argument is
/// an expression that gives a future of a [`Subject`](crate::Subject); it is evaluated for each test.
/// See the [crate's documentation](crate) for an example.
#[macro_export]
macro_rules! tests {
    ($subject:expr) => {
        async fn __larder_subject() -> $crate::Subject {
            $subject.await
        }
        $crate::__cache_checks!(__as_tests);
        $crate::__port_checks!(__as_tests);
    };
}

/// As [`tests!`](crate::tests), without the checks of the port: for a cache that has no store.
///
/// ```
/// larder_conformance::cache_tests!(async { larder_conformance::Subject::memory() });
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! cache_tests {
    ($subject:expr) => {
        async fn __larder_subject() -> $crate::Subject {
            $subject.await
        }
        $crate::__cache_checks!(__as_tests);
    };
}
