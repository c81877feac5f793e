package dev.millrace.grammar.automaton;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * How characters are written as bytes. A spelling of one character never begins another's, so that
 * bytes are read one way only.
 */
public enum Spelling {
  /** UTF-8. */
  TEXT,
  /** In a JSON string: UTF-8, or any of JSON's escapes, surrogate pairs among them. */
  JSON_STRING,
  /**
   * In a JSON string, each character one way: UTF-8 but where JSON wants an escape; then a short
   * one where there is one, else \\u00 and two digits in lower case. Members' names are written so:
   * equal names are equal bytes.
   */
  JSON_NAME;

  private static final CodePoints CONTROLS = CodePoints.range(0, 0x1F);
  private static final CodePoints MUST_ESCAPE = CONTROLS.or(CodePoints.anyOf("\"\\"));
  private static final String SHORT = "\"\\/\b\f\n\r\t";
  private static final String SHORT_LETTERS = "\"\\/bfnrt";

  /** Each of a set's spellings is one of these: at every place, any byte of that place's set. */
  List<List<BitSet>> spell(CodePoints characters) {
    List<List<BitSet>> spellings = new ArrayList<>();
    utf8(this == TEXT ? characters : characters.minus(MUST_ESCAPE), spellings);
    if (this != TEXT) {
      for (int i = 0; i < SHORT.length(); i++) {
        boolean needed = MUST_ESCAPE.contains(SHORT.charAt(i));
        if (characters.contains(SHORT.charAt(i)) && (needed || this == JSON_STRING)) {
          spellings.add(List.of(bytes("\\"), bytes(SHORT_LETTERS.substring(i, i + 1))));
        }
      }
    }
    if (this == JSON_NAME) {
      CodePoints rest = characters.and(CONTROLS).minus(CodePoints.anyOf(SHORT));
      for (int i = 0; i < rest.size(); i++) {
        for (int c = rest.first(i); c <= rest.last(i); c++) {
          spellings.add("\\u%04x".formatted(c).chars().mapToObj(b -> bytes(b, b)).toList());
        }
      }
    }
    if (this == JSON_STRING) {
      for (int i = 0; i < characters.size(); i++) {
        escapes(characters.first(i), characters.last(i), spellings);
      }
    }
    return spellings;
  }

  private static void utf8(CodePoints characters, List<List<BitSet>> spellings) {
    for (int i = 0; i < characters.size(); i++) {
      int first = characters.first(i);
      for (int length = 1; length <= 4; length++) {
        int most = length == 1 ? 0x7F : length == 2 ? 0x7FF : length == 3 ? 0xFFFF : 0x10FFFF;
        int last = Math.min(characters.last(i), most);
        if (first <= last) {
          int bytes = length;
          split(
              first,
              last,
              6,
              length,
              digits -> {
                List<BitSet> spelling = new ArrayList<>();
                int lead = bytes == 1 ? 0 : 0xF00 >> bytes & 0xFF;
                spelling.add(bytes(lead | digits[0][0], lead | digits[0][1]));
                for (int j = 1; j < bytes; j++) {
                  spelling.add(bytes(0x80 | digits[j][0], 0x80 | digits[j][1]));
                }
                spellings.add(spelling);
              });
          first = last + 1;
        }
      }
    }
  }

  /** By \\u and four digits, or two such where the character is beyond them. */
  private static void escapes(int first, int last, List<List<BitSet>> spellings) {
    if (first <= 0xFFFF) {
      hex(first, Math.min(last, 0xFFFF)).forEach(spellings::add);
    }
    if (last > 0xFFFF) {
      split(
          Math.max(first, 0x10000) - 0x10000,
          last - 0x10000,
          10,
          2,
          halves -> {
            for (List<BitSet> high : hex(0xD800 + halves[0][0], 0xD800 + halves[0][1])) {
              for (List<BitSet> low : hex(0xDC00 + halves[1][0], 0xDC00 + halves[1][1])) {
                List<BitSet> both = new ArrayList<>(high);
                both.addAll(low);
                spellings.add(both);
              }
            }
          });
    }
  }

  private static List<List<BitSet>> hex(int first, int last) {
    List<List<BitSet>> spellings = new ArrayList<>();
    split(
        first,
        last,
        4,
        4,
        digits -> {
          List<BitSet> spelling = new ArrayList<>(List.of(bytes("\\"), bytes("u")));
          for (int[] digit : digits) {
            BitSet bytes = new BitSet();
            for (int value = digit[0]; value <= digit[1]; value++) {
              bytes.set(Character.forDigit(value, 16));
              bytes.set(Character.toUpperCase(Character.forDigit(value, 16)));
            }
            spelling.add(bytes);
          }
          spellings.add(spelling);
        });
    return spellings;
  }

  private interface Digits {
    /**
     * @param ranges for each digit, the most significant first, first and last value
     */
    void take(int[][] ranges);
  }

  /**
   * Splits a range of numbers so that in each part every digit goes through a range of its own,
   * whatever the others are.
   */
  private static void split(int first, int last, int bitsPerDigit, int count, Digits digits) {
    for (int i = 1; i < count; i++) {
      int low = (1 << bitsPerDigit * i) - 1;
      if ((first & ~low) != (last & ~low)) {
        if ((first & low) != 0) {
          split(first, first | low, bitsPerDigit, count, digits);
          split((first | low) + 1, last, bitsPerDigit, count, digits);
          return;
        }
        if ((last & low) != low) {
          split(first, (last & ~low) - 1, bitsPerDigit, count, digits);
          split(last & ~low, last, bitsPerDigit, count, digits);
          return;
        }
      }
    }
    int[][] ranges = new int[count][];
    for (int i = 0; i < count; i++) {
      int shift = bitsPerDigit * (count - 1 - i);
      int mask = i == 0 ? -1 : (1 << bitsPerDigit) - 1;
      ranges[i] = new int[] {first >> shift & mask, last >> shift & mask};
    }
    digits.take(ranges);
  }

  private static BitSet bytes(int first, int last) {
    BitSet set = new BitSet(256);
    set.set(first, last + 1);
    return set;
  }

  private static BitSet bytes(String one) {
    return bytes(one.charAt(0), one.charAt(0));
  }
}
