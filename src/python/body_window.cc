#include "python/body_window.h"

#include "base/give_back.h"

namespace mew::python {

BodyWindow::BodyWindow(http::BodySource* source, std::optional<std::uint64_t> whole,
                       std::uint64_t bound)
    : source_(source), whole_(whole), bound_(bound), complete_(source == nullptr) {}

bool BodyWindow::seekable() const {
    return keeps_all() && (complete_ || (whole_ && *whole_ <= bound_));
}

void BodyWindow::consume(std::size_t size) {
    at_ += size;
    if (at_ == window_.size() && !keeps_all()) forget();
}

void BodyWindow::forget() {
    base_ += at_;
    at_ = 0;
    window_ = {};
    lent_ = false;
    base::give_back(kept_);
}

// The source wants the memory of its last piece back. What was read stays as long as it may be gone
// back to.
void BodyWindow::let_go_of_piece() {
    const std::size_t drop = keeps_all() ? 0 : at_;
    if (lent_)
        kept_.assign(window_.substr(drop));
    else
        kept_.erase(0, drop);
    base_ += drop;
    at_ -= drop;
    lent_ = false;
    window_ = kept_;
}

bool BodyWindow::pull() {
    if (failure_) return false;
    if (complete_) return true;
    let_go_of_piece();
    const auto piece = source_->read();
    if (!piece) {
        failure_ = piece.error();
        return false;
    }
    if (piece->empty()) {
        complete_ = true;
        return true;
    }
    if (kept_.empty()) {
        window_ = *piece;
        lent_ = true;
    } else {
        kept_.append(*piece);
        window_ = kept_;
    }
    // Known without asking again, so that the piece may stay where it lies.
    complete_ = whole_ && base_ + window_.size() == *whole_;
    return true;
}

void BodyWindow::end() {
    if (!failure_ && (!complete_ || !ahead().empty())) {
        failure_ = http::BodyFailure{400, "its request is over"};
    }
    source_ = nullptr;
    forget();
}

}  // namespace mew::python
