package dev.millrace.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Small templates give what jinja2 gave (tools/chat_template_semantics.py), or fail as it did. */
class TemplateSemanticsTest {
  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2024-03-05T07:08:09Z"), ZoneOffset.UTC);

  private static String render(String template, Map<String, Value> variables) {
    return ChatTemplate.compile(template).render(variables, CLOCK).text();
  }

  private static String render(String template) {
    return render(template, Map.of());
  }

  @TestFactory
  Stream<DynamicTest> asJinja2() throws IOException {
    Value.Dict recorded;
    try (InputStream in =
        Objects.requireNonNull(TemplateSemanticsTest.class.getResourceAsStream("semantics.json"))) {
      String json = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      recorded = (Value.Dict) JsonData.read(json);
    }
    Map<String, Value> data = ((Value.Dict) recorded.get("data")).named();
    return ((Value.Sequence) recorded.get("cases"))
        .items().stream()
            .map(Value.Dict.class::cast)
            .map(
                each ->
                    DynamicTest.dynamicTest(
                        each.get("template").toString(),
                        () -> check(each.get("template").toString(), each.get("expected"), data)));
  }

  private static void check(String template, Value expected, Map<String, Value> data) {
    if (expected instanceof Text text) {
      assertThat(render(template, data)).isEqualTo(text.value());
    } else {
      assertThatThrownBy(() -> render(template, data)).isInstanceOf(TemplateException.class);
    }
  }

  @Test
  void timesAreWrittenAsPythonDoes() {
    assertThat(render("{{ strftime_now('%d %b %Y, %A %H:%M:%S %p %j %-d %y%%') }}"))
        .isEqualTo("05 Mar 2024, Tuesday 07:08:09 AM 065 5 24%");
  }

  @Test
  void errorsNameTheLineAndTheConstruct() {
    assertThatThrownBy(() -> ChatTemplate.compile("a\n{% if x %}\n{% endif %}\n{{ x | nosuch }}"))
        .hasMessage("line 4: the filter nosuch is not supported");
    assertThatThrownBy(
            () -> ChatTemplate.compile("{% if x %}\n{{ x | map('urlencode') }}{% endif %}"))
        .hasMessage("line 2: the filter urlencode is not supported");
    assertThatThrownBy(() -> ChatTemplate.compile("{% if x %}\n{{ x.encode() }}{% endif %}"))
        .hasMessage("line 2: the method encode is not supported");
    assertThatThrownBy(() -> ChatTemplate.compile("\n{% import 'x' %}"))
        .hasMessageContaining("line 2: the tag import");
    assertThatThrownBy(() -> render("a\n\n{{ x.y }}")).hasMessage("line 3: 'x' is undefined");
    assertThatThrownBy(() -> render("{{ raise_exception('roles must alternate') }}"))
        .hasMessageContaining("line 1: the template refuses: roles must alternate");
  }
}
