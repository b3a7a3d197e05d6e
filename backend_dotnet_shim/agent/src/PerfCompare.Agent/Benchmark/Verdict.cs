using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Benchmark;

/// <summary>What became of an iteration or of one reply in it.</summary>
internal readonly record struct Verdict(Outcome Outcome, ErrorKind? Kind = null, string? Message = null)
{
    private const int MaxMessageLength = 500;

    public static Verdict Ok => new(Outcome.Ok);

    public static Verdict Error(ErrorKind kind, string message) =>
        new(Outcome.Error, kind, Shorten(message));

    public static Verdict Timeout(TimeSpan limit) =>
        new(Outcome.Timeout, ErrorKind.Timeout, $"no complete reply within {limit.TotalSeconds:0.###} s");

    public static Verdict Cancelled() => new(Outcome.Cancelled, ErrorKind.Cancelled, "the run was cancelled");

    private static string Shorten(string message)
    {
        if (message.Length <= MaxMessageLength)
        {
            return message;
        }

        // Half of a surrogate pair could not be written as JSON.
        var length = char.IsHighSurrogate(message[MaxMessageLength - 1]) ? MaxMessageLength - 1 : MaxMessageLength;
        return message[..length];
    }
}
