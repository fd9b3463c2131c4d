#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "firmware/core/text.hpp"
#include "firmware/core/value.hpp"

namespace fog {

/// Builds JSON text member by member; puts the commas. A plain local helper of the handlers.
class JsonOut {
public:
    JsonOut& open(char bracket = '{') {
        comma();
        text_ += bracket;
        fresh_ = true;
        return *this;
    }
    JsonOut& close(char bracket = '}') {
        text_ += bracket;
        fresh_ = false;
        return *this;
    }
    JsonOut& key(std::string_view name) {
        comma();
        append_json_string(text_, name);
        text_ += ':';
        fresh_ = true;
        return *this;
    }
    JsonOut& value(std::string_view text) {
        comma();
        append_json_string(text_, text);
        return *this;
    }
    JsonOut& value(const char* text) { return value(std::string_view(text)); }
    JsonOut& value(bool truth) { return raw(truth ? "true" : "false"); }
    JsonOut& value(double number) {
        comma();
        append_double(text_, number);
        return *this;
    }
    template <std::integral Int>
    JsonOut& value(Int number) {
        comma();
        if constexpr (std::is_signed_v<Int>)
            append_int(text_, number);
        else
            append_uint(text_, number);
        return *this;
    }
    /// JSON text as it is.
    JsonOut& raw(std::string_view json) {
        comma();
        text_ += json;
        return *this;
    }
    template <class T>
    JsonOut& member(std::string_view name, const T& any) {
        return key(name).value(any);
    }
    JsonOut& member_raw(std::string_view name, std::string_view json) {
        return key(name).raw(json);
    }
    JsonOut& time(std::string_view name, WallTime at) {
        key(name);
        return at == WallTime{} ? raw("null") : value(to_rfc3339(at));
    }
    std::string take() { return std::move(text_); }
    const std::string& text() const { return text_; }

private:
    void comma() {
        if (!fresh_ && !text_.empty()) text_ += ',';
        fresh_ = false;
    }
    std::string text_;
    bool fresh_ = true;
};

}  // namespace fog
