using System.Diagnostics;
using Microsoft.Extensions.AI;
using PerfCompare.Agent.Model;

namespace PerfCompare.Agent.Scenarios;

/// <summary>Tells the iteration how long the framework's invocation of a function took.</summary>
internal sealed class RecordedFunction(AIFunction inner) : DelegatingAIFunction(inner)
{
    protected override async ValueTask<object?> InvokeCoreAsync(
        AIFunctionArguments arguments,
        CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            return await base.InvokeCoreAsync(arguments, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Iteration.Current?.EndInvocation(started);
        }
    }
}
