package dev.millrace.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates that want too much end with an error, soon. */
@Timeout(60)
class HostileTemplatesTest {
  private static final List<String> PIECES =
      List.of(
          "{% if x %}",
          "{% else %}",
          "{% endif %}",
          "{% for i in x %}",
          "{% endfor %}",
          "{{ x }}",
          "{{ x|",
          "}}",
          "{%",
          "%}",
          "{#",
          "#}",
          "{% set x = ",
          "{% macro m(a) %}",
          "{% endmacro %}",
          "{{ m(1) }}",
          "x",
          "'",
          "\"",
          "\\",
          "[",
          "]",
          "(",
          ")",
          "{",
          "}",
          ":",
          ",",
          ".",
          "+",
          "-",
          "*",
          "**",
          "//",
          "%",
          "~",
          "|",
          "==",
          "<",
          " in ",
          " not ",
          " is ",
          " and ",
          " or ",
          " if ",
          " else ",
          "0",
          "9",
          "1.5",
          "range(9)",
          "'a'",
          "none",
          "true",
          "tojson",
          "join",
          "length",
          "map('upper')",
          "loop.index",
          "ns.x",
          "namespace(x=1)",
          "[::-1]",
          "\n",
          " ",
          "é🦆",
          "{%- ",
          " -%}",
          "raw",
          "endraw",
          "{% call m() %}",
          "{% endcall %}",
          "{% filter upper %}",
          "{% endfilter %}",
          "caller()",
          "{% break %}",
          "{% generation %}",
          "sort",
          "indent",
          "replace('a','b')",
          ".split(',')",
          ".format(1)",
          "'%s' % ");

  private static void renderOnSmallStack(String template, Map<String, Value> variables)
      throws InterruptedException {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread thread =
        new Thread(
            null,
            () -> ChatTemplate.compile(template).render(variables, Clock.systemUTC()),
            "small stack",
            512 << 10);
    thread.setUncaughtExceptionHandler((t, e) -> failure.set(e));
    thread.start();
    thread.join(Duration.ofSeconds(20));
    assertThat(thread.isAlive()).as("hangs").isFalse();
    assertThat(failure.get())
        .satisfiesAnyOf(
            none -> assertThat(none).isNull(),
            e -> assertThat(e).isInstanceOf(TemplateException.class));
    lastFailed = failure.get() != null;
  }

  private static boolean lastFailed;

  private static final int MANY = 4_000_000; // characters

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ 'x' * 10**9 }}",
        "{{ [1] * 10**9 }}",
        "{{ range(10**9) | list }}",
        "{{ 10**(10**10) }}",
        "{{ 9**9999 * 9**9999 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ 'a'.center(10**9) }}",
        "{{ 'a' | indent(10**9, true) }}",
        "{{ 'a' | center(10**9) }}",
        "{{ [1] | batch(10**9, 'x') | list }}",
        "{{ [1] | slice(10**9) | list }}",
        "{{ {'a': 1} | tojson(indent=10**9) }}",
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{%"
            + " endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{%"
            + " endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(50) %}{% set ns.x = [ns.x, ns.x] %}{%"
            + " endfor %}{{ ns.x == [ns.x, 1] }}{{ ns.x|tojson }}",
        "{% set ns = namespace(x='a') %}{% for i in range(99999) %}{% set ns.x = ns.x ~"
            + " 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' %}{% endfor %}",
        "{% for i in [[]] recursive %}{{ loop([i]) }}{% endfor %}",
        "{{ (('a' * 3000000) ~ 'b') in ('a' * 9000000) }}{% for i in range(999) %}{{ (('a' *"
            + " 300000) ~ 'b') in ('a' * 900000) }}{% endfor %}"
      })
  void whatTakesTooMuchIsRefused(String template) throws InterruptedException {
    renderOnSmallStack(template, Map.of());

    assertThat(lastFailed).isTrue();
  }

  @Test
  void nestingIsLimitedBeforeTheStackIs() throws InterruptedException {
    for (String nested :
        List.of(
            "{{ " + "(".repeat(5_000) + "1" + ")".repeat(5_000) + " }}",
            "{{ " + "[".repeat(5_000) + "]".repeat(5_000) + " }}",
            "{{ " + "not ".repeat(5_000) + "1 }}",
            "{{ " + "-".repeat(5_000) + "1 }}",
            "{{ 1" + " + 1".repeat(5_000) + " }}",
            "{{ 1" + " if 1 else 1".repeat(5_000) + " }}",
            "{{ x" + ".y".repeat(5_000) + " }}",
            "{{ x" + " | length".repeat(5_000) + " }}",
            "{% if 1 %}".repeat(5_000) + "{% endif %}".repeat(5_000))) {
      renderOnSmallStack(nested, Map.of());
      assertThat(lastFailed).as(nested.substring(0, 20)).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "t.split()",
        "t.rsplit()",
        "t.split(none, 800000)",
        "t.split(' ')",
        "t.rsplit(' ')",
        "t.replace(' ', '\n').splitlines()",
        "t.replace(' ', '')",
        "t|replace(' ', '')"
      })
  void splittingIsLinear(String split) throws InterruptedException {
    Map<String, Value> variables = Map.of("t", Text.data("w ".repeat(900_000)));

    renderOnSmallStack("{{ " + split + "|length }}", variables);

    assertThat(lastFailed).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"t.strip(c)", "t.rstrip(c)", "t|trim(c)"})
  void strippingIsLinear(String strip) throws InterruptedException {
    Map<String, Value> variables =
        Map.of("t", Text.data("x".repeat(MANY)), "c", Text.data("y".repeat(MANY) + "x"));

    renderOnSmallStack("{{ " + strip + " }}", variables);

    assertThat(lastFailed).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ t.startswith((w,) * 1000000) }}",
        "{{ t.endswith((v,) * 1000000) }}",
        "{{ ([t] * 400) == ([u] * 400) }}",
        "{{ ([t] * 1000)|sort|length }}",
        "{% for i in range(400) %}{{ t|length }}{% endfor %}",
        "{% for i in range(400) %}{{ t|int }}{% endfor %}",
        "{% for i in range(400) %}{{ t is upper }}{% endfor %}",
        "{% for i in range(400) %}{{ t.isprintable() }}{% endfor %}",
        "{% for i in range(400) %}{{ t[9] }}{% endfor %}",
        "{% for i in range(400) %}{{ t[9:10] }}{% endfor %}"
      })
  void goingThroughALongTextCountsItsLength(String template) throws InterruptedException {
    String many = "x".repeat(MANY);
    Map<String, Value> variables =
        Map.of(
            "t",
            Text.data(many),
            "u",
            Text.data(many),
            "v",
            Text.data("y" + many.substring(1)),
            "w",
            Text.data(many.substring(1) + "y"));

    renderOnSmallStack(template, variables);

    assertThat(lastFailed).isTrue();
  }

  @Test
  void aLongTextsEndsAreHadWithoutAListOfItsCharacters() throws InterruptedException {
    Map<String, Value> variables = Map.of("t", Text.data("x".repeat(MANY)));
    for (String template : List.of("{{ t|first }}", "{{ t|last }}")) {
      renderOnSmallStack(template, variables);
      assertThat(lastFailed).as(template).isFalse();
    }
    for (String template : List.of("{{ t|list|length }}", "{% for c in t %}{% endfor %}")) {
      renderOnSmallStack(template, variables);
      assertThat(lastFailed).as(template).isTrue();
    }
  }

  @Test
  void lazyFiltersNestedDeeperThanTheLimitAreRefused() throws InterruptedException {
    for (String lazy : List.of("map('string')", "select", "rejectattr('x')")) {
      String nested =
          "{% set ns = namespace(g=[1]) %}{% for i in range(COUNT) %}{% set ns.g = ns.g|"
              + lazy
              + " %}{% endfor %}{{ ns.g|list }}";

      renderOnSmallStack(nested.replace("COUNT", "20000"), Map.of());
      assertThat(lastFailed).as(lazy).isTrue();

      renderOnSmallStack(nested.replace("COUNT", "200"), Map.of());
      assertThat(lastFailed).as(lazy).isFalse();
    }
  }

  @Test
  void randomTemplatesFailOnlyAsTemplates() {
    Map<String, Value> variables =
        Map.of("x", Value.list(List.of(Text.data("a,b"), Value.of(3), Value.NONE)));
    long seed = 20_240_301;
    Random random = new Random(seed);
    for (int run = 0; run < 30_000; run++) {
      StringBuilder template = new StringBuilder();
      int length = 1 + random.nextInt(25);
      for (int i = 0; i < length; i++) {
        template.append(PIECES.get(random.nextInt(PIECES.size())));
      }
      try {
        ChatTemplate.compile(template.toString()).render(variables, Clock.systemUTC());
      } catch (TemplateException e) {
        assertThat(e).hasMessageMatching("(?s)line \\d+: .+");
      } catch (RuntimeException | Error e) {
        throw new AssertionError("seed " + seed + ", run " + run + ": " + template, e);
      }
    }
  }

  @Test
  void aTemplateThatIsTooLongIsRefused() {
    assertThatThrownBy(() -> ChatTemplate.compile("x".repeat(ChatTemplate.MAX_CHARACTERS + 1)))
        .isInstanceOf(TemplateException.class);
  }
}
