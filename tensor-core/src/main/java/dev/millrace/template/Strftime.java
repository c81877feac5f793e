package dev.millrace.template;

import java.time.ZonedDateTime;
import java.time.format.TextStyle;
import java.time.temporal.ChronoField;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** Python's strftime in the C locale. */
final class Strftime {
  private Strftime() {}

  static String format(String format, ZonedDateTime time) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        out.append(c);
        continue;
      }
      char field = format.charAt(++i);
      boolean unpadded = field == '-' && i + 1 < format.length();
      String text = field(unpadded ? format.charAt(++i) : field, time);
      out.append(
          unpadded && text.length() > 1 && text.startsWith("0")
              ? text.replaceFirst("^0+(?=.)", "")
              : text);
    }
    return out.toString();
  }

  private static String field(char field, ZonedDateTime time) {
    return switch (field) {
      case 'a' -> time.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'A' -> time.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'w' -> String.valueOf(time.getDayOfWeek().getValue() % 7);
      case 'u' -> String.valueOf(time.getDayOfWeek().getValue());
      case 'd' -> pad(time.getDayOfMonth(), 2);
      case 'e' -> "%2d".formatted(time.getDayOfMonth());
      case 'b', 'h' -> time.getMonth().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'B' -> time.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'm' -> pad(time.getMonthValue(), 2);
      case 'y' -> pad(time.getYear() % 100, 2);
      case 'Y' -> String.valueOf(time.getYear());
      case 'H' -> pad(time.getHour(), 2);
      case 'I' -> pad(time.get(ChronoField.CLOCK_HOUR_OF_AMPM), 2);
      case 'p' -> time.getHour() < 12 ? "AM" : "PM";
      case 'M' -> pad(time.getMinute(), 2);
      case 'S' -> pad(time.getSecond(), 2);
      case 'f' -> pad(time.getNano() / 1000, 6);
      case 'z', 'Z' -> ""; // Python's time here has no zone
      case 'j' -> pad(time.getDayOfYear(), 3);
      case 'V' -> pad(time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR), 2);
      case 'G' -> String.valueOf(time.get(IsoFields.WEEK_BASED_YEAR));
      case 'D' -> format("%m/%d/%y", time);
      case 'F' -> format("%Y-%m-%d", time);
      case 'T', 'X' -> format("%H:%M:%S", time);
      case 'R' -> format("%H:%M", time);
      case 'x' -> format("%m/%d/%y", time);
      case 'c' -> format("%a %b %e %H:%M:%S %Y", time);
      case 'n' -> "\n";
      case 't' -> "\t";
      case '%' -> "%";
      default -> throw new TemplateException("strftime_now: %" + field + " is not supported");
    };
  }

  private static String pad(int number, int digits) {
    return ("%0" + digits + "d").formatted(number);
  }
}
