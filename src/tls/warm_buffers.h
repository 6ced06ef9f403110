#pragma once
// Buffers of records (34 KiB a session) of those sessions that were in use last. The others give
// theirs back: an idle connection is to cost little, and a busy one no allocation for each record.

#include <array>
#include <cstddef>

struct ssl_st;

namespace mew::tls {

class WarmBuffers {
public:
    // A session's place among the warm ones; it leaves when it dies.
    class Place {
    public:
        Place() = default;
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place() {
            if (entry_ != nullptr) *entry_ = nullptr;
        }

    private:
        friend class WarmBuffers;
        Place** entry_ = nullptr;
        ssl_st* ssl_ = nullptr;
    };

    // It was used just now; whoever came in longest ago makes room.
    void keep(Place& place, ssl_st* ssl);

private:
    static constexpr std::size_t kMost = 64;
    std::array<Place*, kMost> last_{};
    std::size_t next_ = 0;
};

}  // namespace mew::tls
