package dev.millrace.grammar.regex;

import dev.millrace.grammar.automaton.CodePoints;
import java.lang.Character.UnicodeScript;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntPredicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** ECMA-262's sets of characters. */
final class CharacterClasses {
  static final CodePoints DIGIT = CodePoints.range('0', '9');
  static final CodePoints WORD =
      DIGIT.or(CodePoints.range('A', 'Z')).or(CodePoints.range('a', 'z')).or(CodePoints.of('_'));
  static final CodePoints SPACE =
      CodePoints.anyOf("\t\n\u000B\f\r \u00A0\u1680\u2028\u2029\u202F\u205F\u3000\uFEFF")
          .or(CodePoints.range(0x2000, 0x200A));

  /** What a dot matches: all but ends of lines. */
  static final CodePoints DOT = CodePoints.anyOf("\n\r\u2028\u2029").not();

  /** General categories by java.lang.Character's number: short name, long name. */
  private static final Map<String, Integer> CATEGORIES =
      names(
          "Cn Unassigned|Lu Uppercase_Letter|Ll Lowercase_Letter|Lt Titlecase_Letter"
              + "|Lm Modifier_Letter|Lo Other_Letter|Mn Nonspacing_Mark|Me Enclosing_Mark"
              + "|Mc Spacing_Mark|Nd Decimal_Number digit|Nl Letter_Number|No Other_Number"
              + "|Zs Space_Separator|Zl Line_Separator|Zp Paragraph_Separator|Cc Control cntrl"
              + "|Cf Format||Co Private_Use|Cs Surrogate|Pd Dash_Punctuation"
              + "|Ps Open_Punctuation|Pe Close_Punctuation|Pc Connector_Punctuation"
              + "|Po Other_Punctuation|Sm Math_Symbol|Sc Currency_Symbol|Sk Modifier_Symbol"
              + "|So Other_Symbol|Pi Initial_Punctuation|Pf Final_Punctuation");

  /** Groups of categories by their names, as the first letters of the categories' own. */
  private static final Map<String, List<String>> GROUPS =
      Stream.of(
              "L Letter",
              "M Mark Combining_Mark",
              "N Number",
              "Z Separator",
              "C Other",
              "P Punctuation punct",
              "S Symbol")
          .map(line -> List.of(line.split(" ", -1)))
          .flatMap(names -> names.stream().map(name -> Map.entry(name, names)))
          .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));

  /** Of all scripts but SignWriting. */
  private static final Pattern SCRIPT_NAME = Pattern.compile("[A-Z][a-z]+(_[A-Z][a-z]+)*");

  /** Properties that someone asked for, by what they are: at most as many as there are. */
  private static final Map<Object, CodePoints> KNOWN = new ConcurrentHashMap<>();

  private CharacterClasses() {}

  private static Map<String, Integer> names(String table) {
    List<String> lines = List.of(table.split("\\|", -1));
    Map<String, Integer> numbers = new ConcurrentHashMap<>();
    for (int i = 0; i < lines.size(); i++) {
      for (String name : lines.get(i).split(" ", -1)) {
        numbers.put(name, i);
      }
    }
    numbers.remove("");
    return numbers;
  }

  /**
   * The characters with a property as \p{...} names it, in ECMA-262's spelling; none if there is no
   * such property.
   */
  static CodePoints property(String name) {
    int equals = name.indexOf('=');
    String key = equals < 0 ? "" : name.substring(0, equals);
    String value = name.substring(equals + 1);
    return switch (key) {
      case "" -> {
        CodePoints category = category(value);
        yield category.isEmpty() ? binary(value) : category;
      }
      case "gc", "General_Category" -> category(value);
      case "sc", "Script" -> script(value);
      default -> CodePoints.NONE;
    };
  }

  /**
   * @param property the same for all of its names
   */
  private static CodePoints known(Object property, IntPredicate predicate) {
    return KNOWN.computeIfAbsent(property, each -> scan(predicate));
  }

  private static CodePoints scan(IntPredicate predicate) {
    List<CodePoints> ranges = new ArrayList<>();
    int begin = -1;
    for (int c = 0; c <= Character.MAX_CODE_POINT + 1; c++) {
      boolean has = c <= Character.MAX_CODE_POINT && predicate.test(c);
      if (has && begin < 0) {
        begin = c;
      } else if (!has && begin >= 0) {
        ranges.add(CodePoints.range(begin, c - 1));
        begin = -1;
      }
    }
    return CodePoints.union(ranges);
  }

  private static CodePoints category(String name) {
    int types = types(name);
    return types == 0
        ? CodePoints.NONE
        : known(types, c -> (types >>> Character.getType(c) & 1) != 0);
  }

  /** A bit for each of java.lang.Character's general categories. */
  private static int types(String name) {
    Integer one = CATEGORIES.get(name);
    if (one != null) {
      return 1 << one;
    }
    if (name.equals("LC") || name.equals("Cased_Letter")) {
      return types("Lu") | types("Ll") | types("Lt");
    }
    List<String> group = GROUPS.get(name);
    int types = 0;
    if (group != null) {
      for (Map.Entry<String, Integer> each : CATEGORIES.entrySet()) {
        boolean within = each.getKey().length() == 2 && each.getKey().startsWith(group.getFirst());
        types |= within ? 1 << each.getValue() : 0;
      }
    }
    return types;
  }

  private static CodePoints binary(String name) {
    return switch (name) {
      case "Any" -> known("Any", c -> true);
      case "ASCII" -> known("ASCII", c -> c < 128);
      case "Alphabetic", "Alpha" -> known("Alphabetic", Character::isAlphabetic);
      case "Lowercase", "Lower" -> known("Lowercase", Character::isLowerCase);
      case "Uppercase", "Upper" -> known("Uppercase", Character::isUpperCase);
      case "White_Space", "space" ->
          known("White_Space", c -> c >= 9 && c <= 13 || c == 0x85 || Character.isSpaceChar(c));
      default -> CodePoints.NONE;
    };
  }

  /** By its name or code, which Java reads in any case. */
  private static CodePoints script(String name) {
    boolean isSpelledSo = name.equals("SignWriting") || SCRIPT_NAME.matcher(name).matches();
    if (!isSpelledSo || name.equals("Signwriting")) {
      return CodePoints.NONE;
    }
    try {
      UnicodeScript script = UnicodeScript.forName(name);
      return known(script, c -> UnicodeScript.of(c) == script);
    } catch (IllegalArgumentException e) { // no such script: the caller says so
      return CodePoints.NONE;
    }
  }
}
