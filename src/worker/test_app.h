#pragma once
// An app for the tests of this folder: answers "hello", or does what a test wants.

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "http/exchange.h"

namespace mew::worker {

struct TestApp final : http::AppBridge {
    http::Ran run(http::Exchange& exchange) override {
        ++calls;
        target = exchange.head.target();
        if (action)
            action(exchange);
        else
            answer(exchange, "hello\n");
        return ran;
    }
    static void answer(http::Exchange& exchange, std::string_view body) {
        http::ResponseHead head;
        head.implied_length = body.size();
        ASSERT_TRUE(head.check());
        (void)exchange.response.start(head);
        (void)exchange.response.write(body);
        (void)exchange.response.finish();
    }
    int calls = 0;
    http::Ran ran = http::Ran::done;  // what run() says
    std::string target;
    std::function<void(http::Exchange&)> action;
};

}  // namespace mew::worker
