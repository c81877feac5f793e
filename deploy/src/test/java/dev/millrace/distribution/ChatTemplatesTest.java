package dev.millrace.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.distribution.TemplateCases.Case;
import dev.millrace.template.TemplateException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Public chat templates, rendered as Python's jinja2 renders them. */
class ChatTemplatesTest {
  private static final int NOT_FETCHED = 3;

  @Test
  void publicTemplatesRenderAsInPython() throws Exception {
    PythonEnvironment.install();
    Path recorded = Path.of("target/chat-templates.json").toAbsolutePath();
    Command.Result result =
        Command.of(
                PythonEnvironment.program("python"),
                "tools/chat_templates.py",
                "--cache",
                Path.of("target/chat-templates").toAbsolutePath().toString(),
                "--record",
                recorded.toString())
            .within(Duration.ofMinutes(5))
            .run();
    if (result.exitCode() == NOT_FETCHED) {
      throw Command.skip("pip can't download the templates: " + result.err());
    }
    assertThat(result.exitCode()).as(result.err()).isZero();

    List<Case> cases = TemplateCases.read(recorded).cases();
    List<String> different =
        cases.stream()
            .filter(each -> !Objects.equals(each.expected(), render(each)))
            .map(Case::name)
            .toList();

    assertThat(cases).hasSizeGreaterThanOrEqualTo(300);
    assertThat(different).hasSizeLessThanOrEqualTo(cases.size() / 50);
  }

  /** Null where it is refused. */
  private static @Nullable String render(Case each) {
    try {
      return each.render();
    } catch (TemplateException e) {
      return null;
    }
  }
}
