using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using PerfCompare.Agent.Messages;
using PerfCompare.Agent.Model;

namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// Decides whether one exchange with the model server is a success. The client libraries accept
/// replies that never finished, so neither their result nor their exception is asked first.
/// </summary>
internal static class Judge
{
    public static (Verdict Verdict, ModelReply Reply) Exchange(ModelExchange exchange)
    {
        if (exchange.Failure is { } failure)
        {
            return (Transport(failure), ModelReply.Unknown);
        }

        return exchange.Status switch
        {
            null => (Verdict.Error(ErrorKind.InvalidReply, "no request was sent"), ModelReply.Unknown),
            HttpStatusCode.OK => Reply(exchange.Body),
            { } status => (Status(status, exchange.Body), ModelReply.Unknown),
        };
    }

    private static Verdict Transport(Exception failure) => failure switch
    {
        // A copy into the HTTP client's buffer wraps what its sink throws.
        ReplyTooLargeException or HttpRequestException { InnerException: ReplyTooLargeException } =>
            Verdict.Error(ErrorKind.InvalidReply, Innermost(failure)),
        HttpRequestException
        {
            HttpRequestError: HttpRequestError.NameResolutionError
                or HttpRequestError.ConnectionError
                or HttpRequestError.SecureConnectionError
        } => Verdict.Error(ErrorKind.Connect, Innermost(failure)),
        HttpRequestException
        {
            HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded
        } => Verdict.Error(ErrorKind.InvalidReply, Innermost(failure)),
        _ => Verdict.Error(ErrorKind.Incomplete, Innermost(failure)),
    };

    private static (Verdict Verdict, ModelReply Reply) Reply(ReadOnlySpan<byte> body)
    {
        try
        {
            var parsed = ReplyParser.Parse(body);
            var verdict = parsed switch
            {
                { Error: { } error } => Verdict.Error(ErrorKind.StreamError, error),
                { IsDone: false } => Verdict.Error(ErrorKind.Incomplete, "the reply ended without done:true"),
                _ => Verdict.Ok,
            };
            return (verdict, parsed.Figures);
        }
        catch (JsonException problem)
        {
            return (Verdict.Error(ErrorKind.InvalidReply, problem.Message), ModelReply.Unknown);
        }
        catch (InvalidOperationException problem)
        {
            // Text that is not Unicode: a lone surrogate escape or bytes that are not UTF-8.
            return (Verdict.Error(ErrorKind.InvalidReply, problem.Message), ModelReply.Unknown);
        }
    }

    private static Verdict Status(HttpStatusCode status, ReadOnlySpan<byte> body)
    {
        var error = ReplyParser.FindError(body);
        if (status is HttpStatusCode.NotFound && IsAboutTheModel(error))
        {
            return Verdict.Error(ErrorKind.ModelNotFound, error!);
        }

        var text = error ?? Encoding.UTF8.GetString(body).Trim();
        return Verdict.Error(
            ErrorKind.Http,
            text.Length == 0 ? $"HTTP {(int)status}" : $"HTTP {(int)status}: {text}");
    }

    // An unknown path is 404 as well, in plain text.
    private static bool IsAboutTheModel(string? error) =>
        error is not null
        && error.StartsWith("model", StringComparison.OrdinalIgnoreCase)
        && error.Contains("not found", StringComparison.OrdinalIgnoreCase);

    private static string Innermost(Exception failure)
    {
        var cause = failure.GetBaseException();
        return cause is SocketException ? $"{failure.Message}" : cause.Message;
    }
}
