// The model itself: it must refuse what no order of operations allows, or it proves nothing.
#include "tests/model/object_model.h"

#include <gtest/gtest.h>

namespace taicang::model {
namespace {

const name key{"b", "k"};

sight of(std::uint64_t operation) {
    return sight{true, operation, "e" + std::to_string(operation), 0, false};
}
object_model::handle put(object_model& model, std::uint64_t operation) {
    return model.call_put(key, operation, "e" + std::to_string(operation), std::nullopt);
}

TEST(object_model, an_acknowledged_put_must_be_read) {
    object_model model;
    const auto first = put(model, 1);
    model.answer(first, outcome::acknowledged);
    model.saw(key, model.tick(), of(1));
    EXPECT_TRUE(model.violations().empty());
    model.saw(key, model.tick(), sight{});
    EXPECT_EQ(model.violations().size(), 1U);
}

TEST(object_model, what_was_replaced_must_not_come_back) {
    object_model model;
    model.answer(put(model, 1), outcome::acknowledged);
    const moment before = model.tick();
    model.answer(put(model, 2), outcome::acknowledged);
    model.saw(key, before, of(1));
    EXPECT_TRUE(model.violations().empty()) << "a read that began before may see the old one";
    model.saw(key, model.tick(), of(1));
    EXPECT_EQ(model.violations().size(), 1U);
}

TEST(object_model, a_deleted_key_stays_deleted) {
    object_model model;
    model.answer(put(model, 1), outcome::acknowledged);
    model.answer(model.call_remove(key), outcome::acknowledged);
    model.saw(key, model.tick(), sight{});
    EXPECT_TRUE(model.violations().empty());
    model.saw(key, model.tick(), of(1));
    EXPECT_EQ(model.violations().size(), 1U);
}

TEST(object_model, what_was_refused_must_not_be_seen) {
    object_model model;
    model.answer(put(model, 1), outcome::refused);
    model.saw(key, model.tick(), of(1));
    EXPECT_EQ(model.violations().size(), 1U);
}

TEST(object_model, an_unknown_write_is_old_or_new_and_settles_when_seen) {
    for (const bool happened : {false, true}) {
        object_model model;
        model.answer(put(model, 1), outcome::acknowledged);
        model.answer(put(model, 2), outcome::unknown);
        model.restarted();
        model.saw(key, model.tick(), of(happened ? 2 : 1));
        EXPECT_TRUE(model.violations().empty());
        model.saw(key, model.tick(), of(happened ? 1 : 2));
        EXPECT_EQ(model.violations().size(), 1U) << "it changed its mind";
    }
}

TEST(object_model, before_the_restart_an_unknown_write_may_still_happen) {
    object_model model;
    model.answer(put(model, 1), outcome::acknowledged);
    model.answer(put(model, 2), outcome::unknown);
    model.saw(key, model.tick(), of(1));
    model.saw(key, model.tick(), of(2));
    EXPECT_TRUE(model.violations().empty());
    model.saw(key, model.tick(), of(1));
    EXPECT_EQ(model.violations().size(), 1U);
}

TEST(object_model, writes_side_by_side_end_in_either_order_but_in_one) {
    object_model model;
    const auto one = put(model, 1);
    const auto two = put(model, 2);
    model.answer(one, outcome::acknowledged);
    model.answer(two, outcome::acknowledged);
    model.saw(key, model.tick(), of(1));
    EXPECT_TRUE(model.violations().empty());
    model.saw(key, model.tick(), sight{});
    EXPECT_EQ(model.violations().size(), 1U);
}

TEST(object_model, bytes_of_another_length_are_wrong) {
    object_model model;
    model.know("e1", std::make_shared<const std::string>("four"));
    model.answer(put(model, 1), outcome::acknowledged);
    model.saw(key, model.tick(), of(1));
    EXPECT_EQ(model.violations().size(), 1U);
}

TEST(object_model, a_copy_holds_what_its_source_held) {
    object_model model;
    const name copy{"b", "copy"};
    model.answer(put(model, 1), outcome::acknowledged);
    model.answer(model.call_put(copy, 2, std::nullopt, key), outcome::unknown);
    model.restarted();
    model.saw(copy, model.tick(), sight{true, 2, "e1", 0, false});
    EXPECT_TRUE(model.violations().empty());
    model.saw(copy, model.tick(), sight{true, 2, "e9", 0, false});
    EXPECT_EQ(model.violations().size(), 1U);
}

TEST(object_model, presence) {
    object_model model;
    EXPECT_FALSE(model.may_be(key, model.tick(), true));
    model.answer(put(model, 1), outcome::acknowledged);
    EXPECT_FALSE(model.may_be(key, model.tick(), false));
    model.saw_presence(key, model.tick(), false);
    EXPECT_EQ(model.violations().size(), 1U);
    model.saw_other(key, model.tick(), "e1");
    EXPECT_EQ(model.violations().size(), 2U);
}

}  // namespace
}  // namespace taicang::model
