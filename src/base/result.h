#pragma once
// Result<T>: a value or an Error, for whatever a peer, a file, an app or the kernel can cause.
// Has the shape of std::expected (C++23), which Debian 12's GCC 12 lacks under C++20; when it is
// there, this file becomes an alias.

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

namespace mew::base {

// What went wrong: an errno where the kernel said so (else 0), and a text for people that names
// the thing concerned and, where one can do something about it, what to do.
struct Error {
    int code = 0;
    std::string text;
};

template <class E>
struct Unexpected {
    E error;
};

inline Unexpected<Error> fail(std::string text) { return {Error{0, std::move(text)}}; }

// "TEXT: strerror(code)"; takes the current errno unless one is given.
inline Unexpected<Error> fail_errno(std::string text, int code = errno) {
    return {Error{code, std::move(text) + ": " + std::generic_category().message(code)}};
}

template <class T, class E = Error>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Unexpected<E> failure) : state_(std::in_place_index<1>, std::move(failure.error)) {}

    bool has_value() const { return state_.index() == 0; }
    explicit operator bool() const { return has_value(); }
    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    E& error() { return std::get<1>(state_); }
    const E& error() const { return std::get<1>(state_); }
    Unexpected<E> failure() && { return {std::move(std::get<1>(state_))}; }

private:
    std::variant<T, E> state_;
};

template <class E>
class [[nodiscard]] Result<void, E> {
public:
    Result() = default;
    Result(Unexpected<E> failure) : error_(std::move(failure.error)), failed_(true) {}

    bool has_value() const { return !failed_; }
    explicit operator bool() const { return has_value(); }
    E& error() { return error_; }
    const E& error() const { return error_; }
    Unexpected<E> failure() && { return {std::move(error_)}; }

private:
    E error_{};
    bool failed_ = false;
};

}  // namespace mew::base
