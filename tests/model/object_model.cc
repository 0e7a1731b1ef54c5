#include "tests/model/object_model.h"

#include <algorithm>

namespace taicang::model {
namespace {

std::string text(const name& of) {
    std::string shown = of.bucket + "/";
    for (const char c : of.key)
        shown.push_back(c >= ' ' && c <= '~' ? c : '?');
    return shown;
}

std::string text(const sight& what) {
    if (!what.present) return "nothing";
    std::string shown =
        "a version with ETag " + what.etag + " of " + std::to_string(what.size) + " bytes";
    if (what.operation) shown += " by operation " + std::to_string(*what.operation);
    return shown;
}

}  // namespace

void object_model::know(const std::string& etag, std::shared_ptr<const std::string> bytes) {
    contents_[etag] = std::move(bytes);
}

std::shared_ptr<const std::string> object_model::bytes_of(const std::string& etag) const {
    const auto found = contents_.find(etag);
    return found == contents_.end() ? nullptr : found->second;
}

std::vector<object_model::handle>& object_model::history(const name& of) {
    const auto [at, inserted] = by_name_.try_emplace(of);
    if (inserted) {
        // Before everything the key was not there.
        write nothing;
        nothing.of = of;
        nothing.answered = 0;
        nothing.certain = true;
        nothing.open = false;
        at->second.push_back(writes_.size());
        writes_.push_back(std::move(nothing));
    }
    return at->second;
}

object_model::handle object_model::call_put(name of, std::uint64_t operation,
                                            std::optional<std::string> etag,
                                            std::optional<name> source) {
    if (source) (void)history(*source);
    auto& all = history(of);
    write one;
    one.of = std::move(of);
    one.present = true;
    one.operation = operation;
    one.etag = std::move(etag);
    one.source = std::move(source);
    one.called = tick();
    all.push_back(writes_.size());
    writes_.push_back(std::move(one));
    return writes_.size() - 1;
}

object_model::handle object_model::call_remove(name of) {
    auto& all = history(of);
    write one;
    one.of = std::move(of);
    one.called = tick();
    all.push_back(writes_.size());
    writes_.push_back(std::move(one));
    return writes_.size() - 1;
}

void object_model::answer(handle which, outcome how, std::optional<std::string> etag) {
    write& one = writes_[which];
    if (etag) one.etag = std::move(etag);
    if (how == outcome::unknown) return;  // open until the restart
    one.open = false;
    one.answered = std::min(one.answered, tick());
    if (how == outcome::refused) {
        if (one.certain) {
            violate(text(one.of) + ": operation " + std::to_string(one.operation) +
                    " was refused, but its effect had been seen");
        }
        one.gone = true;
        return;
    }
    one.certain = true;
}

void object_model::restarted() {
    const moment now = tick();
    for (write& one : writes_) {
        if (!one.open) continue;
        one.open = false;
        one.answered = std::min(one.answered, now);
    }
}

bool object_model::same_bytes(const std::string& a, const std::string& b) const {
    if (a == b) return true;
    const auto bytes = bytes_of(a);
    return bytes && bytes == bytes_of(b);
}

bool object_model::matches(const write& one, const sight& what) const {
    if (one.gone || one.present != what.present) return false;
    if (!what.present) return true;
    if (what.operation && *what.operation != one.operation) return false;
    if (one.etag) return what.any_etag ? same_bytes(*one.etag, what.etag) : *one.etag == what.etag;
    // A copy whose answer was lost holds something that its source held.
    const auto found = by_name_.find(*one.source);
    if (found == by_name_.end()) return false;
    return std::any_of(found->second.begin(), found->second.end(), [&](handle h) {
        const write& other = writes_[h];
        return other.present && other.called < one.answered &&
               (!other.etag || same_bytes(*other.etag, what.etag));
    });
}

bool object_model::replaced_before(const write& one, moment when) const {
    if (one.answered == never) return false;
    const auto& all = by_name_.at(one.of);
    return std::any_of(all.begin(), all.end(), [&](handle h) {
        const write& other = writes_[h];
        return other.certain && other.called > one.answered && other.answered < when;
    });
}

std::vector<object_model::handle> object_model::candidates(const name& of, moment called,
                                                           const sight& what) const {
    std::vector<handle> found;
    const auto at = by_name_.find(of);
    if (at == by_name_.end()) return found;
    for (const handle h : at->second) {
        const write& one = writes_[h];
        if (matches(one, what) && !replaced_before(one, called)) found.push_back(h);
    }
    return found;
}

void object_model::settle(const name& of, moment called, const std::vector<handle>& seen) {
    const moment now = tick();
    if (seen.size() == 1) {
        // It happened, and before now.
        write& one = writes_[seen.front()];
        one.certain = true;
        one.answered = std::min(one.answered, now);
    }
    moment latest = 0;
    for (const handle h : seen)
        latest = std::max(latest, writes_[h].answered);
    // What can no longer happen, came after all that may have been seen and was not seen instead,
    // did not happen.
    for (const handle h : by_name_.at(of)) {
        write& one = writes_[h];
        if (one.certain || one.gone || one.open) continue;
        if (one.answered < called && one.called > latest) one.gone = true;
    }
}

void object_model::saw(const name& of, moment called, const sight& what) {
    (void)history(of);
    const auto found = candidates(of, called, what);
    if (found.empty()) {
        violate(text(of) + ": " + text(what) +
                " was read, which no order of the operations allows");
        return;
    }
    if (what.present) {
        const auto bytes = bytes_of(what.etag);
        if (bytes && bytes->size() != what.size)
            violate(text(of) + ": a version has " + std::to_string(what.size) + " of " +
                    std::to_string(bytes->size()) + " bytes");
    }
    settle(of, called, found);
}

bool object_model::may_be(const name& of, moment called, bool present) const {
    const auto at = by_name_.find(of);
    if (at == by_name_.end()) return !present;
    return std::any_of(at->second.begin(), at->second.end(), [&](handle h) {
        const write& one = writes_[h];
        return !one.gone && one.present == present && !replaced_before(one, called);
    });
}

void object_model::saw_presence(const name& of, moment called, bool present) {
    (void)history(of);
    if (!may_be(of, called, present)) {
        violate(text(of) + (present ? ": was there" : ": was not there") +
                ", which no order of the operations allows");
    }
}

void object_model::saw_other(const name& of, moment called, const std::string& etag) {
    const auto& all = history(of);
    const bool allowed = std::any_of(all.begin(), all.end(), [&](handle h) {
        const write& one = writes_[h];
        if (one.gone || replaced_before(one, called)) return false;
        return !one.present || !one.etag || *one.etag != etag;
    });
    if (!allowed) violate(text(of) + ": a condition on its ETag failed that had to hold");
}

std::vector<std::string> object_model::keys(const std::string& bucket) const {
    std::vector<std::string> all;
    for (const auto& [of, handles] : by_name_)
        if (of.bucket == bucket) all.push_back(of.key);
    return all;
}

}  // namespace taicang::model
