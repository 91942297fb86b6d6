# The text of `ssl-usage analyze --format summary` as a message with a card, which a webhook of Microsoft Teams takes.
#
#   jq -Rs -f teams.jq summary.txt
#
# A card shows two newlines as one. Source: "Format cards in Teams" of Microsoft.

{
  type: "message",
  attachments: [{
    contentType: "application/vnd.microsoft.card.adaptive",
    content: {
      type: "AdaptiveCard",
      version: "1.4",
      body: [{type: "TextBlock", wrap: true, text: gsub("\n"; "\n\n")}]
    }
  }]
}
