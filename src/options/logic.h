#pragma once
// if-..., else, endif, for..., endfor: between the sources and the queue. Items of a block whose
// condition fails are dropped; the body of a for is kept and let through once per value.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "options/item.h"

namespace mew::options {

class Logic {
public:
    using Say = std::function<void(const std::string& origin, std::string text)>;
    using Find = std::function<std::optional<std::string>(std::string_view)>;

    // `environment` and `option` look a name up; `mistake` reports.
    Logic(Find environment, Find option, Say mistake)
        : environment_(std::move(environment)),
          option_(std::move(option)),
          mistake_(std::move(mistake)) {}

    // The items that get through now because of `item`: none, itself, or a whole unrolled loop.
    std::vector<Item> take(Item item);
    // Blocks that nobody closed.
    void finish();

private:
    struct Block {
        enum class Kind { condition, loop } kind = Kind::condition;
        bool open = false;       // condition: items pass
        bool was_open = false;   // condition: for else
        bool outer_open = true;  // what stands around it lets items pass
        std::string opener;
        std::string origin;
        std::vector<std::string> values;
        std::vector<Item> body;
    };

    bool open() const { return blocks_.empty() || blocks_.back().open; }
    Block* innermost_loop();
    bool open_block(const Item& item, std::string_view name);
    void begin_loop(const Item& item, std::string_view name);
    void switch_branch(const Item& item);
    std::vector<Item> close_block(const Item& item, Block::Kind kind);
    std::optional<bool> test(const Item& item, std::string_view condition);

    Find environment_;
    Find option_;
    Say mistake_;
    std::vector<Block> blocks_;
    std::size_t unrolled_ = 0;
};

}  // namespace mew::options
