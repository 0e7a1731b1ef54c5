// Writes XML documents: elements in order into one string, everything escaped.
// Threads: one owner. Lifetime: borrows the string it writes to; element names must be literals or
// outlive the writer.
//
// Characters that XML 1.0 cannot carry: S3 writes controls as numeric references (`&#x1;`) although
// XML 1.0 has none for them; so do we, since SDKs expect it, and U+FFFE, U+FFFF likewise. Bytes
// that are not UTF-8 become U+FFFD. A client that wants such keys back exactly asks for
// encoding-type=url.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace taicang {

class xml_writer {
  public:
    /// Appends the XML declaration to `into`.
    explicit xml_writer(std::string& into);
    xml_writer(const xml_writer&) = delete;
    xml_writer& operator=(const xml_writer&) = delete;

    /// Opens an element; `name` must outlive the writer.
    xml_writer& open(std::string_view name);
    /// The root of S3's documents: with xmlns="http://s3.amazonaws.com/doc/2006-03-01/".
    xml_writer& open_s3(std::string_view name);
    /// Opens an element with one xsi:type attribute (Grantee).
    xml_writer& open_typed(std::string_view name, std::string_view xsi_type);
    /// Closes the innermost open element.
    xml_writer& close();
    xml_writer& element(std::string_view name, std::string_view text);
    xml_writer& element(std::string_view name, const char* text) {
        return element(name, std::string_view(text));
    }
    xml_writer& element(std::string_view name, std::uint64_t value);
    xml_writer& element(std::string_view name, bool value);
    /// `<name/>`
    xml_writer& empty(std::string_view name);
    [[nodiscard]] std::size_t depth() const noexcept { return open_.size(); }

  private:
    std::string& out_;
    std::vector<std::string_view> open_;
};

/// Appends `text`, escaped for element content and attributes.
void xml_escape(std::string_view text, std::string& into);

/// encoding-type=url: all but A-Z a-z 0-9 - _ . * / becomes %XX. A space becomes %20 where S3
/// writes `+`: every client decodes the former, and only some the latter.
[[nodiscard]] std::string s3_url_encode_key(std::string_view key);

}  // namespace taicang
