#pragma once
// How one process writes values down for another: numbers as 8 bytes, text as its size and its
// bytes, in the order of the fields. No names: what the bytes mean is said by the version that
// stands at their head. Used by the boot block (control/boot), certificates (tls/material) and the
// master's state (master/state), all in sealed memory that only the master or a child of it makes.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace mew::base {

class Writer {
public:
    template <class Number>
    Writer& number(Number value) {
        const auto wide = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
        out_.append(reinterpret_cast<const char*>(&wide), sizeof wide);
        return *this;
    }
    Writer& text(const std::string& value) {
        number(value.size());
        out_ += value;
        return *this;
    }
    const std::string& bytes() const { return out_; }

private:
    std::string out_;
};

// After the first overrun all reads give nothing and ok() is false.
class Reader {
public:
    explicit Reader(std::string_view bytes) : left_(bytes) {}
    std::uint64_t wide() {
        std::uint64_t value = 0;
        if (!has(sizeof value)) return 0;
        std::memcpy(&value, left_.data(), sizeof value);
        left_.remove_prefix(sizeof value);
        return value;
    }
    template <class Number>
    Reader& number(Number& value) {
        value = static_cast<Number>(wide());
        return *this;
    }
    Reader& text(std::string& value) {
        const std::uint64_t size = wide();
        if (!has(size)) return *this;
        value = left_.substr(0, size);
        left_.remove_prefix(size);
        return *this;
    }
    bool ok() const { return ok_; }
    bool at_end() const { return ok_ && left_.empty(); }
    // What was read makes no sense: as an overrun.
    void refuse() { ok_ = false; }

private:
    bool has(std::uint64_t size) {
        ok_ = ok_ && size <= left_.size();
        return ok_;
    }
    std::string_view left_;
    bool ok_ = true;
};

}  // namespace mew::base
