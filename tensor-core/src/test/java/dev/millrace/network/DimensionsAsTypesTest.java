package dev.millrace.network;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.source.util.JavacTask;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Compiles right and wrong uses of the network's layers. */
class DimensionsAsTypesTest {

  /** What a layer has at hand. */
  private static final String SNIPPET =
      """
      package dev.millrace.network;

      import dev.millrace.kv.KvLayer;
      import dev.millrace.tensor.Dim.*;
      import dev.millrace.tensor.*;

      class Snippet {
        void layer(
            Matrix<Tokens, Hidden> x,
            Activations<Tokens, Hidden> h,
            Activations<Tokens, Ffn> inner,
            Activations<Tokens, Product<Heads, HeadDim>> attended,
            Activations<LogitRows, Hidden> last,
            Matrix<LogitRows, Hidden> lastX,
            Matrix<LogitRows, Vocab> logits,
            Matrix<Tokens, Product<Heads, HeadDim>> q,
            Matrix<Tokens, Product<KvHeads, HeadDim>> k,
            Matrix<Tokens, Product<KvHeads, HeadDim>> v,
            Matrix<Tokens, Ffn> g,
            Linear<Hidden, Ffn> gate,
            Linear<Ffn, Hidden> down,
            Linear<Hidden, Product<Heads, HeadDim>> query,
            Linear<Hidden, Product<KvHeads, HeadDim>> key,
            Linear<Product<Heads, HeadDim>, Hidden> output,
            Linear<Hidden, Vocab> head,
            Together together, RmsNorm<Hidden> norm, Rope rope, KvWriter writer, Attention attention, SwiGlu swiGlu,
            KvLayer cache, Step step, LayerLoader loader, Sizes sizes) {
          STATEMENTS
        }
      }
      """;

  @Test
  void rightPairingsCompile() {
    String layer =
        """
        norm.apply(x, h);
        together.run(query.task(h, q), key.task(h, k), gate.task(h, g));
        rope.rotate(q, step, 0, 1);
        writer.rotateAndStore(q, k, v, cache, step);
        attention.apply(q, cache, step, attended);
        output.addTo(x, attended, x);
        gate.apply(h, g);
        swiGlu.apply(h, g, g, inner);
        down.addTo(x, inner, x);
        norm.apply(step.gather(x, lastX), last);
        Matrix<LogitRows, Vocab> y = head.apply(last, logits);
        Linear<Hidden, Ffn> l = loader.linear("", sizes.hidden(), sizes.ffn());
        Size<Product<Heads, HeadDim>> s = sizes.queries();
        """;

    assertThat(errors(layer)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          gate.apply(inner, g)           | Activations<Tokens,Ffn> cannot be converted to Activations<R,Hidden>
          down.apply(h, x)               | Activations<Tokens,Hidden> cannot be converted to Activations<R,Ffn>
          gate.apply(h, x)               | Matrix<Tokens,Hidden> cannot be converted to Matrix<R,Ffn>
          query.task(h, k)               | Matrix<Tokens,Product<KvHeads,HeadDim>> cannot be converted to Matrix<R,Product<Heads,HeadDim>>
          down.addTo(g, inner, x)        | Matrix<Tokens,Ffn> cannot be converted to Matrix<R,Hidden>
          output.addTo(x, h, x)          | Activations<Tokens,Hidden> cannot be converted to Activations<R,Product<Heads,HeadDim>>
          head.apply(h, logits)          | incompatible equality constraints LogitRows,Tokens
          norm.apply(g, h)               | Matrix<Tokens,Ffn> cannot be converted to Matrix<R,Hidden>
          rope.rotate(x, step, 0, 1)     | Matrix<Tokens,Hidden> cannot be converted to Matrix<Tokens,Product<H,HeadDim>>
          writer.rotateAndStore(q, q, v, cache, step) | Matrix<Tokens,Product<Heads,HeadDim>> cannot be converted to Matrix<Tokens,Product<KvHeads,HeadDim>>
          attention.apply(k, cache, step, attended) | Matrix<Tokens,Product<KvHeads,HeadDim>> cannot be converted to Matrix<R,Product<Heads,HeadDim>>
          swiGlu.apply(h, g, x, inner)   | Matrix<Tokens,Hidden> cannot be converted to Matrix<R,Ffn>
          x = g                          | Matrix<Tokens,Ffn> cannot be converted to Matrix<Tokens,Hidden>
          Linear<Hidden, Ffn> l = loader.linear("", sizes.ffn(), sizes.hidden()) | incompatible equality constraints
          Size<Product<Heads, HeadDim>> s = sizes.keys() | Size<Product<KvHeads,HeadDim>> cannot be converted to Size<Product<Heads,HeadDim>>
          """)
  void wrongPairingsDoNot(String statement, String error) {
    assertThat(errors(statement + ";")).singleElement().asString().contains(error);
  }

  private static List<String> errors(String statements) {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
    List<String> options = List.of("-classpath", System.getProperty("java.class.path"));
    JavacTask task =
        (JavacTask)
            compiler.getTask(null, null, diagnostics, options, null, List.of(source(statements)));
    try {
      task.analyze(); // checks all, writes nothing
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return diagnostics.getDiagnostics().stream()
        .filter(diagnostic -> diagnostic.getKind() == Diagnostic.Kind.ERROR)
        .map(diagnostic -> diagnostic.getMessage(Locale.ENGLISH))
        .map(message -> message.replaceAll("dev\\.millrace\\.\\w+\\.(Dim\\.)?", ""))
        .toList();
  }

  private static JavaFileObject source(String statements) {
    URI name = URI.create("string:///dev/millrace/network/Snippet.java");
    return new SimpleJavaFileObject(name, JavaFileObject.Kind.SOURCE) {
      @Override
      public CharSequence getCharContent(boolean ignoreEncodingErrors) {
        return SNIPPET.replace("STATEMENTS", statements);
      }
    };
  }
}
