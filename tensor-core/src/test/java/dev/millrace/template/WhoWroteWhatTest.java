package dev.millrace.template;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Characters keep their writer through whatever happens to them. */
class WhoWroteWhatTest {
  /** The rendering with a point for each character of the data. */
  private static String masked(String template) {
    Value.Dict message =
        Value.Dict.of(Map.of("role", Text.data("user"), "content", Text.data("<e> a,b ")));
    Map<String, Value> variables =
        new Conversation(List.of(message), List.of(), true, Map.of())
            .variables(Optional.of("<s>"), Optional.empty());
    Rendering rendering = ChatTemplate.compile(template).render(variables, Clock.systemUTC());
    StringBuilder masked = new StringBuilder();
    for (int i = 0; i < rendering.text().length(); i++) {
      masked.append(rendering.byTemplate().get(i) ? rendering.text().charAt(i) : '.');
    }
    return masked.toString();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "[{{ c }}]; [........]",
        "{{ '[' + c + ']' }}; [........]",
        "{{ '[' ~ c | trim ~ ']' }}; [.......]",
        "{{ c | upper ~ '!' }}; ........!",
        "{{ c[1:3] ~ 'x' }}; ..x",
        "{{ c[::-1] ~ 'x' }}; ........x",
        "{{ c.split(',') | join('|') }}; .....|..",
        "{{ c | replace('a', '<x>') }}; ....<x>...",
        "{{ '<x>' | replace('x', c) }}; <........>",
        "{{ '%s=%s' % ('k', c) }}; k=........",
        "{{ '{}:{}'.format('k', c) }}; k:........",
        "{{ [c, 'k'] | tojson ~ 'x' }}; ..............k..x",
        "{{ [c] }}x; ............x",
        "{{ c | indent(2, true) }}; '  ........'",
        "{% set x %}a{{ c }}b{% endset %}{{ x }}; a........b",
        "{% macro m(t) %}<{{ t }}>{% endmacro %}{{ m(c) }}; <........>",
        "{{ bos_token ~ c | list | first }}; <s>.",
        "{{ '<|' + messages[0].role + '|>' }}; <|user|>",
        "{{ c | length }}; 8"
      })
  void charactersKeepTheirWriter(String template, String masked) {
    assertThat(masked("{% set c = messages[0].content %}" + template)).isEqualTo(masked);
  }
}
