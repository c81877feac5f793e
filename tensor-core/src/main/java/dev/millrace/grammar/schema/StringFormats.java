package dev.millrace.grammar.schema;

import dev.millrace.grammar.automaton.Budget;
import dev.millrace.grammar.automaton.Pattern;
import dev.millrace.grammar.regex.RegexParser;
import java.util.Map;
import java.util.TreeSet;

/**
 * The formats that are obeyed, as regular expressions. Each is within what its standard allows, so
 * that every validator agrees; some allow less (no leap seconds, no quoted mailboxes).
 */
final class StringFormats {
  private static final String DAY =
      "((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)"
          + "|02-(0[1-9]|1\\d|2[0-8]))";
  private static final String LEAP_YEAR =
      "(\\d\\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)";
  private static final String DATE =
      "((000[1-9]|00[1-9]\\d|0[1-9]\\d\\d|[1-9]\\d{3})-" + DAY + "|" + LEAP_YEAR + "-02-29)";
  private static final String TIME =
      "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)";
  private static final String OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
  private static final String GROUP = "[0-9a-fA-F]{1,4}";
  private static final String LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?";
  private static final String NAME = "(" + LABEL + "\\.){0,7}[A-Za-z]{2,20}";
  private static final String MAILBOX = "[A-Za-z0-9_+-]{1,30}(\\.[A-Za-z0-9_+-]{1,30}){0,3}";
  private static final String URI_CHARACTERS = "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";

  private static final Map<String, String> EXPRESSIONS =
      Map.ofEntries(
          Map.entry("date", DATE),
          Map.entry("time", TIME),
          Map.entry("date-time", DATE + "T" + TIME),
          Map.entry(
              "duration",
              "P(\\d{1,9}W"
                  + "|(\\d{1,9}Y(\\d{1,9}M(\\d{1,9}D)?)?|\\d{1,9}M(\\d{1,9}D)?|\\d{1,9}D)"
                  + "(T(\\d{1,9}H(\\d{1,9}M(\\d{1,9}S)?)?|\\d{1,9}M(\\d{1,9}S)?|\\d{1,9}S))?"
                  + "|T(\\d{1,9}H(\\d{1,9}M(\\d{1,9}S)?)?|\\d{1,9}M(\\d{1,9}S)?|\\d{1,9}S))"),
          Map.entry("uuid", "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
          Map.entry("ipv4", OCTET + "(\\." + OCTET + "){3}"),
          Map.entry("ipv6", ipv6()),
          Map.entry("hostname", NAME),
          Map.entry("email", MAILBOX + "@" + NAME),
          Map.entry(
              "uri",
              "(https?|ftp)://"
                  + NAME
                  + "(:\\d{1,4})?(/"
                  + URI_CHARACTERS
                  + "*)*"
                  + "(\\?("
                  + URI_CHARACTERS
                  + "|[/?])*)?(#("
                  + URI_CHARACTERS
                  + "|[/?])*)?"),
          Map.entry("json-pointer", "(/([^~/]|~[01])*)*"));

  private StringFormats() {}

  private static String ipv6() {
    StringBuilder forms = new StringBuilder("(" + GROUP + ":){7}" + GROUP);
    for (int before = 0; before <= 6; before++) { // with :: behind so many groups
      String head = before == 0 ? ":" : "(" + GROUP + ":){" + before + "}";
      String tail = ":(" + GROUP + "(:" + GROUP + "){0," + (6 - before) + "})?";
      forms.append("|").append(head).append(tail);
    }
    return forms.toString();
  }

  static Pattern pattern(Part part, String name, Budget budget) {
    String expression = EXPRESSIONS.get(name);
    if (expression == null) {
      throw part.wrong(
          "format",
          "is \""
              + name
              + "\", which isn't supported; these are: "
              + String.join(", ", new TreeSet<>(EXPRESSIONS.keySet())));
    }
    return RegexParser.parse(expression, budget);
  }
}
