#pragma once
// A RequestHead built from pairs, without any packing, for the tests of this folder.

#include <string>
#include <utility>
#include <vector>

#include "gateway/head_builder.h"
#include "gateway/testing/packets.h"

namespace mew::gateway {

// One request, built from pairs.
class Built {
public:
    explicit Built(const Pairs& pairs, bool strip = false, const http::Limits& limits = {})
        : limits_(limits), builder_(limits_) {
        build(pairs, strip);
    }

    void build(const Pairs& pairs, bool strip = false) {
        builder_.begin(head_);
        std::vector<std::pair<http::Slice, http::Slice>> slices;
        for (const auto& [name, value] : pairs) slices.emplace_back(place(name), place(value));
        refusal_ = Step{};
        for (const auto& [name, value] : slices) {
            if (!refusal_) refusal_ = builder_.add(name, value);
        }
        if (!refusal_) refusal_ = builder_.finish(strip);
        head_.set_block(builder_.block().data(), builder_.block().size());
    }

    int status() const { return refusal_ ? refusal_->status : 0; }
    std::string reason() const { return refusal_ ? std::string(refusal_->reason) : ""; }
    const http::RequestHead& head() const { return head_; }
    // "name=value" of all fields, in order.
    std::string fields() const {
        std::string text;
        for (const auto& field : head_.fields()) {
            text += std::string(head_.name(field)) + "=" + std::string(head_.value(field)) +
                    (field.cgi ? ";" : "(not for CGI);");
        }
        return text;
    }
    std::string variables() const {
        std::string text;
        for (const auto& variable : head_.variables()) {
            text += std::string(head_.text(variable.name)) + "=" +
                    std::string(head_.text(variable.value)) + ";";
        }
        return text;
    }

private:
    http::Slice place(const std::string& text) {
        const auto at = static_cast<std::uint32_t>(builder_.block().size());
        builder_.block() += text;
        return {at, static_cast<std::uint32_t>(text.size())};
    }

    http::Limits limits_;
    HeadBuilder builder_;
    http::RequestHead head_;
    Step refusal_;
};

}  // namespace mew::gateway
