// The sites that are known, by their domains. A domain that ends with a dot stands for all of its
// countries: "google." is google.de and www.google.co.uk. The first that fits counts, so what is
// narrower comes first.
#include <algorithm>

#include "enrich/referrer.h"

namespace tidemark::enrich {
namespace {

struct Site {
  std::string_view domain;
  KnownSite known;
};

constexpr KnownSite Email(std::string_view source) { return {ReferrerType::kEmail, source}; }
constexpr KnownSite Social(std::string_view source) { return {ReferrerType::kSocial, source}; }
constexpr KnownSite Search(std::string_view source, std::string_view term_name) {
  return {ReferrerType::kSearch, source, term_name};
}

constexpr std::array kSites = {
    Site{"mail.google.com", Email("Gmail")},
    Site{"com.google.android.gm", Email("Gmail")},
    Site{"outlook.live.com", Email("Outlook")},
    Site{"outlook.office.com", Email("Outlook")},
    Site{"outlook.office365.com", Email("Outlook")},
    Site{"mail.yahoo.", Email("Yahoo! Mail")},
    Site{"mail.yandex.", Email("Yandex Mail")},
    Site{"e.mail.ru", Email("Mail.ru")},
    Site{"mail.proton.me", Email("Proton Mail")},
    Site{"deref-gmx.net", Email("GMX")},
    Site{"deref-web.de", Email("WEB.DE")},

    Site{"com.google.android.googlequicksearchbox", Search("Google", "")},
    Site{"groups.google.com", {ReferrerType::kReferral, "Google Groups"}},
    Site{"docs.google.com", {ReferrerType::kReferral, "Google Docs"}},
    Site{"google.", Search("Google", "q")},
    Site{"bing.com", Search("Bing", "q")},
    Site{"duckduckgo.com", Search("DuckDuckGo", "q")},
    Site{"search.yahoo.", Search("Yahoo!", "p")},
    Site{"yahoo.", Search("Yahoo!", "p")},
    Site{"yandex.", Search("Yandex", "text")},
    Site{"ya.ru", Search("Yandex", "text")},
    Site{"baidu.com", Search("Baidu", "wd")},
    Site{"ecosia.org", Search("Ecosia", "q")},
    Site{"startpage.com", Search("Startpage", "query")},
    Site{"qwant.com", Search("Qwant", "q")},
    Site{"search.brave.com", Search("Brave", "q")},
    Site{"naver.com", Search("Naver", "query")},
    Site{"daum.net", Search("Daum", "q")},
    Site{"sogou.com", Search("Sogou", "query")},
    Site{"so.com", Search("360 Search", "q")},
    Site{"seznam.cz", Search("Seznam", "q")},
    Site{"ask.com", Search("Ask", "q")},
    Site{"search.aol.", Search("AOL", "q")},
    Site{"kagi.com", Search("Kagi", "q")},

    Site{"facebook.com", Social("Facebook")},
    Site{"com.facebook.katana", Social("Facebook")},
    Site{"fb.me", Social("Facebook")},
    Site{"messenger.com", Social("Facebook")},
    Site{"instagram.com", Social("Instagram")},
    Site{"com.instagram.android", Social("Instagram")},
    Site{"threads.net", Social("Threads")},
    Site{"threads.com", Social("Threads")},
    Site{"twitter.com", Social("X")},
    Site{"com.twitter.android", Social("X")},
    Site{"x.com", Social("X")},
    Site{"t.co", Social("X")},
    Site{"linkedin.com", Social("LinkedIn")},
    Site{"com.linkedin.android", Social("LinkedIn")},
    Site{"lnkd.in", Social("LinkedIn")},
    Site{"reddit.com", Social("Reddit")},
    Site{"com.reddit.frontpage", Social("Reddit")},
    Site{"pinterest.", Social("Pinterest")},
    Site{"pin.it", Social("Pinterest")},
    Site{"youtube.com", Social("YouTube")},
    Site{"youtu.be", Social("YouTube")},
    Site{"tiktok.com", Social("TikTok")},
    Site{"vk.com", Social("VK")},
    Site{"ok.ru", Social("Odnoklassniki")},
    Site{"weibo.com", Social("Weibo")},
    Site{"weibo.cn", Social("Weibo")},
    Site{"quora.com", Social("Quora")},
    Site{"tumblr.com", Social("Tumblr")},
    Site{"bsky.app", Social("Bluesky")},
    Site{"mastodon.social", Social("Mastodon")},
    Site{"news.ycombinator.com", Social("Hacker News")},
    Site{"discord.com", Social("Discord")},
    Site{"t.me", Social("Telegram")},
    Site{"web.telegram.org", Social("Telegram")},
    Site{"org.telegram.messenger", Social("Telegram")},
    Site{"whatsapp.com", Social("WhatsApp")},
    Site{"com.slack", Social("Slack")},
    Site{"snapchat.com", Social("Snapchat")},
    Site{"xing.com", Social("XING")},
};

// "de", "co.uk", "com.au": what follows a domain that is spelled for all countries.
bool IsCountryEnd(std::string_view end) {
  if (end.empty() || end.size() > 6) return false;
  const std::size_t dot = end.find('.');
  if (dot == std::string_view::npos) return end.size() == 2 || end == "com" || end == "org";
  return end.size() - dot == 3 && dot >= 2 && dot <= 3;
}

bool Fits(std::string_view host, std::string_view domain) {
  if (!domain.ends_with('.')) {
    return host.ends_with(domain) &&
           (host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.');
  }
  const std::size_t at = host.find(domain);
  return at != std::string_view::npos && (at == 0 || host[at - 1] == '.') &&
         IsCountryEnd(host.substr(at + domain.size()));
}

}  // namespace

const KnownSite* FindSite(std::string_view host) {
  const auto* found = std::find_if(kSites.begin(), kSites.end(),
                                   [host](const Site& site) { return Fits(host, site.domain); });
  return found == kSites.end() ? nullptr : &found->known;
}

}  // namespace tidemark::enrich
