#pragma once
// One call at a time on an object of ours that an app may share between its threads: a request's
// body, an answer. With the GIL two calls only meet where one of them waits and has given it back;
// on free-threaded builds anywhere. Whoever comes second waits without the GIL. With gevent the
// same holds of greenlets, which wait by switching. Used in workers; as little Python code as
// possible runs while a turn is held.

#include <Python.h>

#include <atomic>

namespace mew::python {

// With gevent = N; see serve_greenlets.cc.
struct GreenletTurns {
    unsigned long (*self)();  // a number of the greenlet that runs, never 0
    bool (*wait)();           // until a wake(); false with an exception set
    void (*wake)();
};
inline const GreenletTurns* greenlet_turns = nullptr;

class Turn {
public:
    // False, with RuntimeError set: this very thread is inside already (a finalizer that the
    // garbage collector ran, say); or with what was thrown into the wait of a greenlet.
    bool take() {
        const unsigned long own =
            greenlet_turns != nullptr ? greenlet_turns->self() : PyThread_get_thread_ident();
        const unsigned long holder = try_take(own);
        if (holder == kNobody) return true;
        if (holder == own) {
            PyErr_SetString(PyExc_RuntimeError, "called again from inside a call of it");
            return false;
        }
        if (greenlet_turns != nullptr) return wait_as_greenlet(own);
        wait(own, holder);
        return true;
    }
    void give_back() {
        holder_.store(kNobody, kOrder);
        if (waiting_.load(kOrder) == 0) return;
        if (greenlet_turns != nullptr)
            greenlet_turns->wake();
        else
            holder_.notify_all();
    }

private:
    static constexpr unsigned long kNobody = 0;

    // Whoever holds the turn; kNobody: the caller does now.
#ifdef Py_GIL_DISABLED
    static constexpr std::memory_order kOrder = std::memory_order_seq_cst;
    unsigned long try_take(unsigned long own) {
        unsigned long holder = kNobody;
        holder_.compare_exchange_strong(holder, own);
        return holder;
    }
#else
    // Only threads that hold the GIL get here; it orders what they do.
    static constexpr std::memory_order kOrder = std::memory_order_relaxed;
    unsigned long try_take(unsigned long own) {
        const unsigned long holder = holder_.load(kOrder);
        if (holder == kNobody) holder_.store(own, kOrder);
        return holder;
    }
#endif

    void wait(unsigned long own, unsigned long holder) {
        waiting_.fetch_add(1);
        do {
            PyThreadState* const saved = PyEval_SaveThread();
            holder_.wait(holder);
            PyEval_RestoreThread(saved);
            holder = try_take(own);
        } while (holder != kNobody);
        waiting_.fetch_sub(1);
    }

    bool wait_as_greenlet(unsigned long own) {
        waiting_.fetch_add(1);
        bool waited = true;
        while (waited && try_take(own) != kNobody) waited = greenlet_turns->wait();
        waiting_.fetch_sub(1);
        return waited;
    }

    std::atomic<unsigned long> holder_{kNobody};
    std::atomic<int> waiting_{0};
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
