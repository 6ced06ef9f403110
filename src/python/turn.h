#pragma once
// One call at a time on an object of ours that an app may share between its threads: a request's
// body, an answer. With the GIL two calls only meet where one of them waits and has given it back;
// on free-threaded builds anywhere. Whoever comes second waits, attached to no interpreter. Used
// by worker processes only; no Python code may run while a turn is held.

#include <Python.h>

#include <atomic>

namespace mew::python {

class Turn {
public:
    // False, with RuntimeError set: this very thread is inside already (a finalizer that the
    // garbage collector ran, say).
    bool take() {
        const unsigned long own = PyThread_get_thread_ident();
        unsigned long holder = kNobody;
        if (holder_.compare_exchange_strong(holder, own, std::memory_order_acquire)) return true;
        if (holder == own) {
            PyErr_SetString(PyExc_RuntimeError, "called again from inside a call of it");
            return false;
        }
        wait(own, holder);
        return true;
    }
    void give_back() {
        holder_.store(kNobody, std::memory_order_release);
        holder_.notify_one();
    }

private:
    static constexpr unsigned long kNobody = 0;

    void wait(unsigned long own, unsigned long holder) {
        PyThreadState* const saved = PyEval_SaveThread();
        do {
            if (holder != kNobody) holder_.wait(holder, std::memory_order_relaxed);
            holder = kNobody;
        } while (!holder_.compare_exchange_strong(holder, own, std::memory_order_acquire));
        PyEval_RestoreThread(saved);
    }

    std::atomic<unsigned long> holder_{kNobody};
};

// Holds a turn to the end of its scope, if it got it.
class TakenTurn {
public:
    explicit TakenTurn(Turn& turn) : turn_(turn.take() ? &turn : nullptr) {}
    TakenTurn(const TakenTurn&) = delete;
    TakenTurn& operator=(const TakenTurn&) = delete;
    TakenTurn(TakenTurn&&) = delete;
    TakenTurn& operator=(TakenTurn&&) = delete;
    ~TakenTurn() {
        if (turn_ != nullptr) turn_->give_back();
    }
    explicit operator bool() const { return turn_ != nullptr; }

private:
    Turn* turn_;
};

}  // namespace mew::python
